#include <cstdio>

class Samples {
  public:
    explicit Samples(int count) : values(new double[count]) {}
    ~Samples() {
        delete values; // <- bug
    }

  private:
    double *values;
};

int main() {
    Samples samples(16);
    std::puts("done");
}
