/* The program of one test. */
void TEST(void);

int main(void)
{
    TEST();
    return 0;
}
