/* A library for LD_AUDIT with static thread-local storage of its own, and a hook. */
#define _GNU_SOURCE
#include <link.h>
#include <stdint.h>

__thread char room[64] __attribute__((tls_model("initial-exec")));

unsigned la_version(unsigned version)
{
    room[0] = 1;
    return version;
}

unsigned la_objopen(struct link_map *map, Lmid_t space, uintptr_t *cookie)
{
    (void)map, (void)space, (void)cookie;
    return LA_FLG_BINDTO | LA_FLG_BINDFROM;
}
