// The compiler's trap is reached.
// expect: ILL
// expect-place: an instruction that the processor does not know
// expect-exit: SIGILL

int main(void)
{
    __builtin_trap(); // <- access in main
}
