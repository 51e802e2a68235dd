using System.Runtime.InteropServices;

namespace Jitvmm.Cli;

/// <summary>
/// Standard input without line editing and echo, so that the guest's terminal driver does both. <see cref="Dispose"/> puts the settings back; so does a signal that ends the process.
/// </summary>
internal sealed unsafe class RawTerminal : IDisposable
{
    // struct termios of x86-64 Linux: four flag words, a line discipline byte, 32 control characters, two speeds.
    private const int SettingsSize = 60;
    private const int InputFlags = 0;
    private const int ControlFlags = 8;
    private const int LocalFlags = 12;
    private const int ControlCharacters = 17;
    private const int Minimum = 6;
    private const int Time = 5;

    // BRKINT, ICRNL, INPCK, ISTRIP, INLCR, IGNCR, IXON; ECHO, ICANON, IEXTEN, ISIG. Output processing stays, for the VMM's own lines.
    private const uint Input = 0x2 | 0x100 | 0x10 | 0x20 | 0x40 | 0x80 | 0x400;
    private const uint Local = 0x8 | 0x2 | 0x8000 | 0x1;
    private const uint EightBits = 0x30;
    private const ulong WindowSizeRequest = 0x5413;

    private readonly byte[] _settings = new byte[SettingsSize];
    private readonly PosixSignalRegistration[] _signals;
    private bool _restored;

    private RawTerminal()
    {
        _signals =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, End),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, End),
            PosixSignalRegistration.Create(PosixSignal.SIGINT, End),
        ];
    }

    /// <summary>Makes the terminal raw; null when standard input is none.</summary>
    public static RawTerminal? TryEnter()
    {
        if (IsTerminal(0) == 0)
        {
            return null;
        }

        var terminal = new RawTerminal();
        fixed (byte* settings = terminal._settings)
        {
            if (GetSettings(0, settings) != 0)
            {
                terminal._restored = true;
                terminal.Dispose();
                return null;
            }
        }

        byte* raw = stackalloc byte[SettingsSize];
        terminal._settings.CopyTo(new Span<byte>(raw, SettingsSize));
        *(uint*)(raw + InputFlags) &= ~Input;
        *(uint*)(raw + LocalFlags) &= ~Local;
        *(uint*)(raw + ControlFlags) |= EightBits;
        raw[ControlCharacters + Minimum] = 1;
        raw[ControlCharacters + Time] = 0;
        _ = SetSettings(0, 0, raw);
        return terminal;
    }

    /// <summary>The window's size; zeroes when there is no window.</summary>
    public static (int Columns, int Rows) WindowSize()
    {
        ushort* size = stackalloc ushort[4];
        return Control(1, WindowSizeRequest, size) == 0 ? (size[1], size[0]) : (0, 0);
    }

    public void Dispose()
    {
        Restore();
        foreach (PosixSignalRegistration signal in _signals)
        {
            signal.Dispose();
        }
    }

    private void End(PosixSignalContext context) => Restore();

    private void Restore()
    {
        if (!_restored)
        {
            _restored = true;
            fixed (byte* settings = _settings)
            {
                _ = SetSettings(0, 0, settings);
            }
        }
    }

    [DllImport("libc", EntryPoint = "isatty")]
    private static extern int IsTerminal(int file);

    [DllImport("libc", EntryPoint = "tcgetattr")]
    private static extern int GetSettings(int file, byte* settings);

    [DllImport("libc", EntryPoint = "tcsetattr")]
    private static extern int SetSettings(int file, int when, byte* settings);

    [DllImport("libc", EntryPoint = "ioctl")]
    private static extern int Control(int file, ulong request, void* argument);
}
