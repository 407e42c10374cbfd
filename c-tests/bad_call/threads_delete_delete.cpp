// A thread deletes an object, then the main thread does, while the first still runs.
// expect: double-free
// expect-call: operator delete
// expect-place: located 0 bytes inside of 48-byte region
// expect-freed-by: T1
#include <future>
#include <thread>

struct Job {
    long numbers[6];
};

static std::promise<void> deleted, ended;

static void first(Job *job)
{
    delete job; // <- freed in first(Job*)
    deleted.set_value();
    ended.get_future().wait();
}

int main()
{
    Job *job = new Job(); // <- allocated in main
    std::thread thread(first, job);
    deleted.get_future().wait();
    delete job; // <- called in main
    ended.set_value();
    thread.join();
    return 0;
}
