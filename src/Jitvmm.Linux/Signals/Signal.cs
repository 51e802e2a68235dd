namespace Jitvmm.Linux.Signals;

/// <summary>Signal numbers of Linux on x86-64, their names and default actions (signal(7)).</summary>
public static class Signal
{
    public const int SIGHUP = 1;
    public const int SIGINT = 2;
    public const int SIGQUIT = 3;
    public const int SIGILL = 4;
    public const int SIGTRAP = 5;
    public const int SIGABRT = 6;
    public const int SIGBUS = 7;
    public const int SIGFPE = 8;
    public const int SIGKILL = 9;
    public const int SIGUSR1 = 10;
    public const int SIGSEGV = 11;
    public const int SIGUSR2 = 12;
    public const int SIGPIPE = 13;
    public const int SIGALRM = 14;
    public const int SIGTERM = 15;
    public const int SIGCHLD = 17;
    public const int SIGCONT = 18;
    public const int SIGSTOP = 19;
    public const int SIGTSTP = 20;
    public const int SIGTTIN = 21;
    public const int SIGTTOU = 22;
    public const int SIGURG = 23;
    public const int SIGXCPU = 24;
    public const int SIGXFSZ = 25;
    public const int SIGWINCH = 28;
    public const int SIGSYS = 31;

    /// <summary>Highest number.</summary>
    public const int Last = 64;

    private static readonly string[] s_names =
    [
        "0", "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1",
        "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP",
        "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
    ];

    public static bool IsValid(int signal) => signal is >= 1 and <= Last;

    /// <summary>The bit of a signal in a mask.</summary>
    public static ulong Bit(int signal) => 1ul << (signal - 1);

    public static string NameOf(int signal) => (uint)signal < (uint)s_names.Length ? s_names[signal] : $"SIGRT_{signal - 32}";

    /// <summary>Whether the default action is to do nothing.</summary>
    public static bool IsIgnoredByDefault(int signal) => signal is SIGCHLD or SIGURG or SIGWINCH or SIGCONT;

    /// <summary>Whether the default action is to stop the process.</summary>
    public static bool StopsByDefault(int signal) => signal is SIGSTOP or SIGTSTP or SIGTTIN or SIGTTOU;
}
