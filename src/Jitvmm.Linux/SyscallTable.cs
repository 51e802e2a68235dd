namespace Jitvmm.Linux;

/// <summary>What happens to a call that a signal handler interrupted (signal(7), "Interruption of system calls").</summary>
public enum SyscallRestart : byte
{
    /// <summary>Ends with EINTR whatever the handler's flags: poll, select, sleeps, waits for signals.</summary>
    Never,

    /// <summary>Is issued again when the handler has SA_RESTART: read, write, wait4, futex, open, accept, ...</summary>
    WithRestartFlag,
}

/// <summary>One system call: how it is named, printed and executed.</summary>
public readonly unsafe struct SyscallRow(string name, string format, delegate*<GuestThread, in SyscallArgs, long> body, SyscallRestart restart)
{
    public readonly string Name = name;

    /// <summary>
    /// One letter per argument, for <c>--strace</c>: f descriptor, d signed, u unsigned, x hexadecimal, o octal,
    /// p pointer, s C string, v vector of C strings, b buffer whose length is the next argument, g signal number; capital
    /// letters are flags and choices, named by <see cref="SyscallFlagNames"/>.
    /// </summary>
    public readonly string Format = format;

    /// <summary>Executes the call; returns its value or a negated <see cref="Errno"/>.</summary>
    public readonly delegate*<GuestThread, in SyscallArgs, long> Body = body;

    public readonly SyscallRestart Restart = restart;
}

/// <summary>The system calls there are, by their x86-64 number. One row and one body per call, grouped by area in <c>Syscalls/</c>.</summary>
public sealed unsafe class SyscallTable
{
    /// <summary>One past the highest number that can have a row.</summary>
    public const int Capacity = 512;

    private readonly SyscallRow[] _rows = new SyscallRow[Capacity];

    /// <summary>Adds one call. A number has at most one row.</summary>
    public void Add(int number, string name, string format, delegate*<GuestThread, in SyscallArgs, long> body, SyscallRestart restart = SyscallRestart.Never)
    {
        if (_rows[number].Body != null)
        {
            throw new InvalidOperationException($"System call {number} ({name}) has two rows.");
        }

        _rows[number] = new SyscallRow(name, format, body, restart);
    }

    /// <summary>The row of a number the guest gave, or null when there is none (ENOSYS).</summary>
    public ref readonly SyscallRow Find(ulong number)
    {
        if (number < Capacity)
        {
            ref SyscallRow row = ref _rows[(int)number];
            if (row.Body != null)
            {
                return ref row;
            }
        }

        return ref System.Runtime.CompilerServices.Unsafe.NullRef<SyscallRow>();
    }
}
