namespace Jitvmm.Linux.Files;

/// <summary>What an open guest descriptor refers to, as far as a system call has to know.</summary>
public enum FileKind : byte
{
    /// <summary>A regular file.</summary>
    Regular,

    /// <summary>A directory of the host.</summary>
    Directory,

    /// <summary>A directory the VMM makes up (/proc, /dev); listed by <see cref="SyntheticListing"/>.</summary>
    SyntheticDirectory,

    /// <summary>A file the VMM makes up, its contents in a memfd.</summary>
    SyntheticFile,

    /// <summary>A character device, terminals included.</summary>
    Device,

    /// <summary>A FIFO with a name, or a pipe.</summary>
    Pipe,

    Socket,

    Epoll,

    /// <summary>A signalfd: an eventfd that is readable while a signal of its mask is pending.</summary>
    Signal,

    /// <summary>Opened with O_PATH: names a file without access to it.</summary>
    PathOnly,

    /// <summary>Everything else without a name: eventfd, timerfd, inotify, pidfd.</summary>
    Anonymous,
}
