// Threads share an object, and the last to let go deletes it.
// expect: clean
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

static void hold(std::shared_ptr<std::vector<int>> numbers, int *sum)
{
    for (int number : *numbers)
        *sum += number;
}

int main()
{
    int sums[4] = {};
    for (int round = 0; round < 200; round++) {
        auto numbers = std::make_shared<std::vector<int>>(50, round);
        std::vector<std::thread> threads;
        for (int i = 0; i < 4; i++)
            threads.emplace_back(hold, numbers, &sums[i]);
        numbers.reset();
        for (std::thread &thread : threads)
            thread.join();
    }
    std::printf("%d %d\n", sums[0], sums[3]);
    return 0;
}
