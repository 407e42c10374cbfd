// Four threads take tasks from a queue, parse and format text, and throw on every seventh task.
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

class Pool {
public:
    explicit Pool(unsigned threads)
    {
        for (unsigned i = 0; i < threads; i++)
            workers.emplace_back([this] { work(); });
    }

    ~Pool()
    {
        {
            std::lock_guard<std::mutex> lock(mutex);
            closed = true;
        }
        changed.notify_all();
        for (auto &worker : workers)
            worker.join();
    }

    std::future<std::string> submit(std::function<std::string()> action)
    {
        auto task = std::make_shared<std::packaged_task<std::string()>>(std::move(action));
        auto result = task->get_future();
        {
            std::lock_guard<std::mutex> lock(mutex);
            queue.emplace_back([task] { (*task)(); });
        }
        changed.notify_one();
        return result;
    }

private:
    void work()
    {
        for (;;) {
            std::function<void()> next;
            {
                std::unique_lock<std::mutex> lock(mutex);
                changed.wait(lock, [this] { return closed || !queue.empty(); });
                if (queue.empty())
                    return;
                next = std::move(queue.front());
                queue.pop_front();
            }
            next();
        }
    }

    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::function<void()>> queue;
    bool closed = false;
    std::vector<std::thread> workers;
};

static std::string count_words(int seed)
{
    std::ostringstream text;
    for (int i = 0; i < 300; i++)
        text << "word" << (seed * 31 + i * i) % 97 << ' ' << std::hex << i << std::dec << '\n';
    std::map<std::string, std::vector<int>> places;
    std::istringstream in(text.str());
    std::string word;
    for (int place = 0; in >> word; place++)
        places[word].push_back(place);
    if (seed % 7 == 0)
        throw std::runtime_error("task " + std::to_string(seed) + " failed as it should");
    std::ostringstream out;
    out << std::setw(4) << seed << ": " << places.size() << " words, most at "
        << std::fixed << std::setprecision(2) << places.rbegin()->second.size() / 3.0;
    return out.str();
}

int main()
{
    std::vector<std::future<std::string>> results;
    {
        Pool pool(4);
        for (int seed = 0; seed < 400; seed++)
            results.push_back(pool.submit([seed] { return count_words(seed); }));
    }
    for (auto &result : results) {
        try {
            std::cout << result.get() << '\n';
        } catch (const std::exception &error) {
            std::cout << "caught: " << error.what() << '\n';
        }
    }
    return 0;
}
