// An integer is divided by zero.
// expect: FPE
// expect-place: a division by zero, or one whose quotient is too large
// expect-exit: SIGFPE

static int divide(int by)
{
    return 10 / by; // <- access in divide
}

int main(void)
{
    return divide(0); // <- access in main (frame 1)
}
