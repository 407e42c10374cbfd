/* A library for LD_AUDIT, as small as it gets. */
unsigned la_version(unsigned version)
{
    return version;
}
