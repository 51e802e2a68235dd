#include <algorithm>
#include <atomic>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

struct Shape {
    virtual ~Shape() = default;
    virtual double Area() const = 0;
};

struct Square : Shape {
    explicit Square(double side) : side(side) {}
    double Area() const override { return side * side; }
    double side;
};

static int Depth(int n)
{
    std::unique_ptr<int> guard = std::make_unique<int>(n);
    if (n == 0)
        throw std::runtime_error("bottom");
    return Depth(n - 1) + *guard;
}

int main()
{
    std::map<std::string, int> words;
    std::unordered_map<int, std::string> names;
    for (int i = 0; i < 5000; i++) {
        words["w" + std::to_string(i * 37 % 101)] += i;
        names[i] = std::string(i % 9, 'a' + i % 26);
    }
    for (const auto &[word, count] : words)
        std::cout << word << ' ' << count << '\n';
    std::vector<int> numbers(20000);
    std::iota(numbers.begin(), numbers.end(), 0);
    std::stable_sort(numbers.begin(), numbers.end(), [](int a, int b) { return a * 7919 % 20011 < b * 7919 % 20011; });
    std::cout << numbers[0] << ' ' << numbers[777] << ' ' << names[333] << '\n';
    try {
        Depth(50);
    } catch (const std::exception &error) {
        std::cout << "caught " << error.what() << '\n';
    }
    std::atomic<int> total{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; t++)
        threads.emplace_back([&] { for (int i = 0; i < 10000; i++) total++; });
    for (auto &thread : threads)
        thread.join();
    std::vector<std::unique_ptr<Shape>> shapes;
    for (int i = 1; i <= 10; i++)
        shapes.push_back(std::make_unique<Square>(i / 3.0));
    double area = 0;
    for (const auto &shape : shapes)
        area += shape->Area();
    std::cout << total << ' ' << area << std::endl;
}
