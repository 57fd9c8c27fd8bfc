//! What happens in the new process between fork and exec.
//!
//! Only calls that are allowed there are made: the process has one thread, and any lock of ours may
//! be held for ever by a thread that it does not have. So nothing is allocated and nothing logged.

use std::io;
use std::os::fd::RawFd;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};

use crate::launch::ProcessLimits;

/// The first descriptor that is not one of the three pipes.
const FIRST_OTHER: RawFd = 3;

/// The highest number of a signal on the systems we know.
const SIGNALS_MAX: i32 = 64;

/// The most descriptors that are looked at one by one, where the kernel cannot do it at once.
const DESCRIPTORS_MAX: u64 = 1 << 20;

/// Has a command prepare its process before the program begins: a process group of its own, no
/// descriptor of ours, every signal as it is by default, no new rights, limits, and an end that
/// comes with ours.
pub(crate) fn arrange(command: &mut Command, limits: ProcessLimits) {
    let parent = std::process::id();
    command.process_group(0);
    #[expect(unsafe_code, reason = "the one way to run something between fork and exec")]
    // SAFETY: `prepare` makes system calls only, all of them async-signal-safe; it does not
    // allocate, takes no lock and touches no memory that it shares with another thread.
    unsafe {
        command.pre_exec(move || prepare(parent, limits));
    }
}

fn prepare(parent: u32, limits: ProcessLimits) -> io::Result<()> {
    reset_signals()?;
    umask(Mode::RWXG | Mode::RWXO);
    close_others_on_exec();
    lower(Resource::Core, 0)?;
    lower(Resource::Nofile, limits.open_files_max)?;
    lower(Resource::Fsize, limits.file_bytes_max)?;
    confine(parent)
}

/// Sets a limit, for good: a limit that is lower already stays.
fn lower(resource: Resource, most: u64) -> io::Result<()> {
    let hard = getrlimit(resource).maximum.map_or(most, |hard| hard.min(most));
    setrlimit(resource, Rlimit { current: Some(hard), maximum: Some(hard) })?;
    Ok(())
}

/// No rights from set-uid programs, and no life without us.
#[cfg(target_os = "linux")]
fn confine(parent: u32) -> io::Result<()> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};

    rustix::thread::set_no_new_privs(true)?;
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // Whoever started this may have ended before the line above, which then never fires.
    let now = getppid().and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok());
    if now == Some(parent) { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ESRCH)) }
}

/// Other systems have neither; what is left there is the process group, which is killed when the
/// process is dropped.
#[cfg(not(target_os = "linux"))]
fn confine(_parent: u32) -> io::Result<()> {
    Ok(())
}

/// Every signal does what it does by default, and none is blocked: what this program ignores or
/// blocks would be inherited.
fn reset_signals() -> io::Result<()> {
    for signal in 1..=SIGNALS_MAX {
        #[expect(unsafe_code, reason = "no safe binding resets a signal to its default")]
        // SAFETY: SIG_DFL is a valid action for every signal. Numbers that are no signal, or none
        // that can be changed, are refused by the call, which changes nothing.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
        }
    }
    let mut none = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    #[expect(unsafe_code, reason = "no safe binding changes the mask of blocked signals")]
    // SAFETY: the pointer is to a set of our own that the call fills in.
    let emptied = unsafe { libc::sigemptyset(none.as_mut_ptr()) };
    if emptied != 0 {
        return Err(io::Error::last_os_error());
    }
    #[expect(unsafe_code, reason = "no safe binding changes the mask of blocked signals")]
    // SAFETY: the set was filled in above and is only read; the old mask is not asked for. There
    // is one thread here, so the mask of the process is the mask of that thread.
    let set = unsafe { libc::sigprocmask(libc::SIG_SETMASK, none.as_ptr(), std::ptr::null_mut()) };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Has every descriptor but the three pipes close when the program begins. Not at once: one of
/// them is how the standard library hears that the program could not be started.
fn close_others_on_exec() {
    if close_range_on_exec() {
        return;
    }
    let most = getrlimit(Resource::Nofile).current.unwrap_or(DESCRIPTORS_MAX).min(DESCRIPTORS_MAX);
    let most = RawFd::try_from(most).unwrap_or(RawFd::MAX);
    for descriptor in FIRST_OTHER..most {
        #[expect(
            unsafe_code,
            reason = "the safe binding wants descriptors that are known to be open"
        )]
        // SAFETY: F_SETFD takes an integer and touches no memory; a number that is not open is
        // refused.
        unsafe {
            libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
        }
    }
}

/// One call for all of them, from Linux 5.11 on.
#[cfg(target_os = "linux")]
fn close_range_on_exec() -> bool {
    let flags = libc::CLOSE_RANGE_CLOEXEC;
    #[expect(
        unsafe_code,
        reason = "there is no safe binding, and older C libraries have none at all"
    )]
    // SAFETY: the call takes three integers and touches no memory. It marks descriptors and closes
    // none, so nobody's descriptor is pulled from under it.
    let answer =
        unsafe { libc::syscall(libc::SYS_close_range, FIRST_OTHER, libc::c_uint::MAX, flags) };
    answer == 0
}

#[cfg(not(target_os = "linux"))]
fn close_range_on_exec() -> bool {
    false
}
