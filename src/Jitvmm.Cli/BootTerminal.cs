using System.Text;
using Jitvmm.Devices.Channels;
using Microsoft.Win32.SafeHandles;

namespace Jitvmm.Cli;

/// <summary>
/// Connects the process's standard streams to a machine's serial port and console, with the keys after Ctrl-A that QEMU's users know.
/// </summary>
internal sealed class BootTerminal
{
    private const byte Escape = 1;

    private const string KeyHelp = """

        Ctrl-A h  this help
        Ctrl-A x  end the machine
        Ctrl-A b  send a break
        Ctrl-A c  switch between serial port and console
        Ctrl-A p  press the power button
        Ctrl-A s  pause or go on
        Ctrl-A Ctrl-A  send Ctrl-A

        """;

    private readonly MachineGuest _guest;
    private readonly FileStream _output;
    private readonly List<Thread> _writers = [];
    private volatile bool _showsConsole;
    private bool _hasSerial;
    private bool _isPaused;

    public BootTerminal(MachineGuest guest)
    {
        _guest = guest;
        _output = StandardStream(1, FileAccess.Write);
    }

    /// <summary>A standard stream by its descriptor: <see cref="Console"/>'s own would edit lines and set the terminal up.</summary>
    public static FileStream StandardStream(int file, FileAccess access) => new(new SafeFileHandle(file, ownsHandle: false), access, 0);

    /// <summary>Starts carrying bytes both ways.</summary>
    /// <param name="hasKeys">Standard input is a terminal: Ctrl-A is ours.</param>
    /// <param name="hasSerial">The serial port is here too; otherwise the console alone is.</param>
    public void Start(bool hasKeys, bool hasSerial)
    {
        if (hasSerial)
        {
            Write(_guest.SerialOutput, _output);
        }

        _hasSerial = hasSerial;
        _showsConsole = !hasSerial;
        Write(_guest.ConsoleOutput, _output);
        new Thread(() => ReadInput(hasKeys), 256 * 1024) { IsBackground = true, Name = "terminal input" }.Start();
    }

    /// <summary>Copies a channel to a stream until it is closed.</summary>
    public void Write(ByteChannel channel, Stream target)
    {
        var thread = new Thread(() => Copy(channel, target), 256 * 1024) { IsBackground = true, Name = "terminal output" };
        _writers.Add(thread);
        thread.Start();
    }

    /// <summary>Waits until everything the guest sent was written.</summary>
    public void Finish()
    {
        foreach (Thread writer in _writers)
        {
            writer.Join();
        }
    }

    private void Copy(ByteChannel channel, Stream target)
    {
        byte[] bytes = new byte[16 * 1024];
        while (true)
        {
            int count = channel.Read(bytes);
            if (count == 0)
            {
                return;
            }

            try
            {
                lock (target)
                {
                    target.Write(bytes, 0, count);
                    target.Flush();
                }
            }
            catch (IOException)
            {
                // Nobody reads our output any more: the machine ends, as a program in a pipe does.
                _guest.Stop();
                channel.Close();
                return;
            }

            if (count < 256)
            {
                // A kernel's console writes single characters: a moment's patience makes lines of them.
                Thread.Sleep(1);
            }
        }
    }

    private void ReadInput(bool hasKeys)
    {
        using FileStream input = StandardStream(0, FileAccess.Read);
        byte[] bytes = new byte[1024];
        bool escaped = false;
        while (true)
        {
            int count = input.Read(bytes, 0, bytes.Length);
            if (count == 0)
            {
                return;
            }

            if (!hasKeys)
            {
                _ = Target.Write(bytes.AsSpan(0, count));
                continue;
            }

            int start = 0;
            for (int i = 0; i < count; i++)
            {
                if (escaped)
                {
                    escaped = false;
                    start = i + 1;
                    Command(bytes[i]);
                }
                else if (bytes[i] == Escape)
                {
                    _ = Target.TryWrite(bytes.AsSpan(start, i - start));
                    escaped = true;
                    start = i + 1;
                }
            }

            // Never waits, so that Ctrl-A x always works: a guest that does not read loses what is typed beyond the channel's room.
            _ = Target.TryWrite(bytes.AsSpan(start, count - start));
        }
    }

    private ByteChannel Target => _showsConsole ? _guest.ConsoleInput : _guest.SerialInput;

    private void Command(byte key)
    {
        switch ((char)key)
        {
            case (char)Escape:
                _ = Target.TryWrite([Escape]);
                break;
            case 'h' or '?':
                Say(KeyHelp);
                break;
            case 'x':
                Say("\njitvmm: ended\n");
                _guest.Stop();
                break;
            case 'b':
                _guest.SendBreak();
                break;
            case 'c' when _guest.Options.Console && _hasSerial:
                _showsConsole = !_showsConsole;
                Say(_showsConsole ? "\njitvmm: console\n" : "\njitvmm: serial port\n");
                break;
            case 'p':
                _guest.PressPowerButton();
                break;
            case 's':
                TogglePause();
                break;
            default:
                break;
        }
    }

    private void TogglePause()
    {
        _isPaused = !_isPaused;
        if (_isPaused)
        {
            _guest.Pause();
        }
        else
        {
            _guest.Resume();
        }

        Say(_isPaused ? "\njitvmm: paused\n" : "\njitvmm: going on\n");
    }

    private void Say(string text)
    {
        lock (_output)
        {
            _output.Write(Encoding.UTF8.GetBytes(text));
            _output.Flush();
        }
    }
}
