//! The checked functions that read a path or another name, and do nothing else to memory of the program.
//!
//! open may be called early and everywhere: the calls go on to libc's functions as they came.

use super::entry::{Call, entries};
use super::text::reads_whole;

/// The call reads a string at each of these arguments. Null is for libc to judge.
unsafe fn reads<const N: usize>(call: &Call<'_>, strings: [(&'static str, usize); N]) {
    for (name, index) in strings {
        // SAFETY: the program's promise.
        unsafe { reads_whole::<u8>(call, name, index) }
    }
}

/// The next popen, which the face for fork may stand before.
pub use popen::NEXT as POPEN;

entries! {
    before open[rdi] = |call| reads(call, [("path", 0)]);
    before open64[rdi] = |call| reads(call, [("path", 0)]);
    before __open_2[rdi] = |call| reads(call, [("path", 0)]);
    before __open64_2[rdi] = |call| reads(call, [("path", 0)]);
    before creat[rdi] = |call| reads(call, [("path", 0)]);
    before creat64[rdi] = |call| reads(call, [("path", 0)]);
    before access[rdi] = |call| reads(call, [("path", 0)]);
    before euidaccess[rdi] = |call| reads(call, [("path", 0)]);
    before eaccess[rdi] = |call| reads(call, [("path", 0)]);
    before unlink[rdi] = |call| reads(call, [("path", 0)]);
    before remove[rdi] = |call| reads(call, [("path", 0)]);
    before mkdir[rdi] = |call| reads(call, [("path", 0)]);
    before mkfifo[rdi] = |call| reads(call, [("path", 0)]);
    before rmdir[rdi] = |call| reads(call, [("path", 0)]);
    before chdir[rdi] = |call| reads(call, [("path", 0)]);
    before chroot[rdi] = |call| reads(call, [("path", 0)]);
    before chmod[rdi] = |call| reads(call, [("path", 0)]);
    before chown[rdi] = |call| reads(call, [("path", 0)]);
    before lchown[rdi] = |call| reads(call, [("path", 0)]);
    before truncate[rdi] = |call| reads(call, [("path", 0)]);
    before truncate64[rdi] = |call| reads(call, [("path", 0)]);
    before opendir[rdi] = |call| reads(call, [("path", 0)]);
    before openat[rsi] = |call| reads(call, [("path", 1)]);
    before openat64[rsi] = |call| reads(call, [("path", 1)]);
    before __openat_2[rsi] = |call| reads(call, [("path", 1)]);
    before __openat64_2[rsi] = |call| reads(call, [("path", 1)]);
    before faccessat[rsi] = |call| reads(call, [("path", 1)]);
    before unlinkat[rsi] = |call| reads(call, [("path", 1)]);
    before mkdirat[rsi] = |call| reads(call, [("path", 1)]);
    before mkfifoat[rsi] = |call| reads(call, [("path", 1)]);
    before fchmodat[rsi] = |call| reads(call, [("path", 1)]);
    before fchownat[rsi] = |call| reads(call, [("path", 1)]);
    before rename[rdi rsi] = |call| reads(call, [("oldpath", 0), ("newpath", 1)]);
    before link[rdi rsi] = |call| reads(call, [("oldpath", 0), ("newpath", 1)]);
    before symlink[rdi rsi] = |call| reads(call, [("oldpath", 0), ("newpath", 1)]);
    before renameat[rsi rcx] = |call| reads(call, [("oldpath", 1), ("newpath", 3)]);
    before renameat2[rsi rcx] = |call| reads(call, [("oldpath", 1), ("newpath", 3)]);
    before linkat[rsi rcx] = |call| reads(call, [("oldpath", 1), ("newpath", 3)]);
    before symlinkat[rdi rdx] = |call| reads(call, [("target", 0), ("linkpath", 2)]);
    before fopen[rdi rsi] = |call| reads(call, [("path", 0), ("mode", 1)]);
    before fopen64[rdi rsi] = |call| reads(call, [("path", 0), ("mode", 1)]);
    before freopen[rdi rsi] = |call| reads(call, [("path", 0), ("mode", 1)]);
    before freopen64[rdi rsi] = |call| reads(call, [("path", 0), ("mode", 1)]);
    before fdopen[rsi] = |call| reads(call, [("mode", 1)]);
    before popen[rdi rsi] = |call| reads(call, [("command", 0), ("type", 1)]);
    before system[rdi] = |call| reads(call, [("command", 0)]);
    before getenv[rdi] = |call| reads(call, [("name", 0)]);
    before secure_getenv[rdi] = |call| reads(call, [("name", 0)]);
    before unsetenv[rdi] = |call| reads(call, [("name", 0)]);
    before setenv[rdi rsi] = |call| reads(call, [("name", 0), ("value", 1)]);
    before putenv[rdi] = |call| reads(call, [("string", 0)]);
    before mktemp[rdi] = |call| reads(call, [("template", 0)]);
    before mkstemp[rdi] = |call| reads(call, [("template", 0)]);
    before mkstemp64[rdi] = |call| reads(call, [("template", 0)]);
    before mkostemp[rdi] = |call| reads(call, [("template", 0)]);
    before mkostemp64[rdi] = |call| reads(call, [("template", 0)]);
    before mkstemps[rdi] = |call| reads(call, [("template", 0)]);
    before mkstemps64[rdi] = |call| reads(call, [("template", 0)]);
    before mkostemps[rdi] = |call| reads(call, [("template", 0)]);
    before mkostemps64[rdi] = |call| reads(call, [("template", 0)]);
    before mkdtemp[rdi] = |call| reads(call, [("template", 0)]);
    before mknod[rdi] = |call| reads(call, [("path", 0)]);
    before mknodat[rsi] = |call| reads(call, [("path", 1)]);
    before ftok[rdi] = |call| reads(call, [("path", 0)]);
    before pathconf[rdi] = |call| reads(call, [("path", 0)]);
    before scandir[rdi] = |call| reads(call, [("path", 0)]);
    before scandir64[rdi] = |call| reads(call, [("path", 0)]);
    before ftw[rdi] = |call| reads(call, [("path", 0)]);
    before ftw64[rdi] = |call| reads(call, [("path", 0)]);
    before nftw[rdi] = |call| reads(call, [("path", 0)]);
    before nftw64[rdi] = |call| reads(call, [("path", 0)]);
    before inotify_add_watch[rsi] = |call| reads(call, [("path", 1)]);
    before shm_open[rdi] = |call| reads(call, [("name", 0)]);
    before shm_unlink[rdi] = |call| reads(call, [("name", 0)]);
    before sem_open[rdi] = |call| reads(call, [("name", 0)]);
    before sem_unlink[rdi] = |call| reads(call, [("name", 0)]);
    before dirname[rdi] = |call| reads(call, [("path", 0)]);
    before basename[rdi] = |call| reads(call, [("path", 0)]);
    before __xpg_basename[rdi] = |call| reads(call, [("path", 0)]);
    before setlocale[rsi] = |call| reads(call, [("locale", 1)]);
    before newlocale[rsi] = |call| reads(call, [("locale", 1)]);
    before textdomain[rdi] = |call| reads(call, [("domainname", 0)]);
    before bindtextdomain[rdi rsi] = |call| reads(call, [("domainname", 0), ("dirname", 1)]);
    before bind_textdomain_codeset[rdi rsi] = |call| {
        reads(call, [("domainname", 0), ("codeset", 1)])
    };
    before gettext[rdi] = |call| reads(call, [("msgid", 0)]);
    before dgettext[rdi rsi] = |call| reads(call, [("domainname", 0), ("msgid", 1)]);
    before dcgettext[rdi rsi] = |call| reads(call, [("domainname", 0), ("msgid", 1)]);
    before ngettext[rdi rsi] = |call| reads(call, [("msgid", 0), ("msgid_plural", 1)]);
    before dngettext[rdi rsi rdx] = |call| {
        reads(call, [("domainname", 0), ("msgid", 1), ("msgid_plural", 2)])
    };
    before dcngettext[rdi rsi rdx] = |call| {
        reads(call, [("domainname", 0), ("msgid", 1), ("msgid_plural", 2)])
    };
}
