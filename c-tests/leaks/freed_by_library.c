// What a library's destructor frees is not lost, however late it runs.
// with-library: keeper
// options: --leaks=full --leak-kinds=all
// expect: leaks
int main(void)
{
}
