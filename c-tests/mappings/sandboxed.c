// A seccomp filter forbids to ask which file is mapped: the report says the descriptor.
// expect: mapping-use-after-unmap
// expect-access: READ of size 1
// expect-place: located 0 bytes inside of 4096-byte mapping
// expect-note: it was a private mapping of descriptor *
// expect-frame: access 0 (*/sandboxed+0x*)
// expect-frame: unmapped 0 (*/sandboxed+0x*)
// expect-frame: mapped 0 (*/sandboxed+0x*)
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

int main(void)
{
    int file = open("/etc/passwd", O_RDONLY);
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fstat, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        return 1;
    volatile char *bytes = mmap(0, 100, PROT_READ, MAP_PRIVATE, file, 0);
    munmap((char *)bytes, 100);
    return bytes[0];
}
