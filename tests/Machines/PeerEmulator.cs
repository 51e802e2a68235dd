using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Jitvmm.Tests.Machines;

/// <summary>Debian's qemu-system-x86_64 as an independent processor, driven through its gdb port (the GDB Remote Serial Protocol).</summary>
internal sealed class PeerEmulator : IDisposable
{
    public const string Program = "/usr/bin/qemu-system-x86_64";

    private readonly Process _process;
    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly byte[] _buffer = new byte[65536];
    private readonly StringBuilder _pending = new();

    /// <summary>Starts it with a BIOS image, stopped before the first instruction.</summary>
    /// <param name="image">The image.</param>
    /// <param name="folder">Where its socket may be.</param>
    public PeerEmulator(string image, string folder)
    {
        string path = Path.Combine(folder, "gdb");
        _process = Process.Start(Program,
        [
            "-nodefaults", "-display", "none", "-S", "-m", "16", "-accel", "tcg", "-cpu", "max", "-bios", image,
            "-chardev", $"socket,id=gdb,path={path},server=on,wait=on", "-gdb", "chardev:gdb",
        ]);
        SpinWait.SpinUntil(() => _process.HasExited || TryConnect(path), TimeSpan.FromSeconds(30));
        _socket.ReceiveTimeout = 30_000;

        // Registers are described, and sent, with control registers only to a client that asks.
        Command("qSupported:xmlRegisters=i386");
    }

    /// <summary>Runs one instruction.</summary>
    public void Step() => Command("s");

    /// <summary>All registers, in the order of <see cref="ProcessorImage"/>.</summary>
    public ProcessorImage Read()
    {
        byte[] bytes = Convert.FromHexString(Command("g").Replace('x', '0'));
        ulong Long(int at) => BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(at));
        uint Int(int at) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at));

        // RAX, RBX, RCX, RDX, RSI, RDI, RBP, RSP: not the encoding's order.
        int[] order = [0, 2, 3, 1, 7, 6, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15];
        return new ProcessorImage
        {
            Registers = [.. order.Select(place => Long(place * 8))],
            Rip = Long(128),
            Flags = Int(136),

            // Sent as CS, SS, DS, ES, FS, GS.
            Selectors = [Int(152), Int(140), Int(144), Int(148), Int(156), Int(160)],
            FsBase = Long(164),
            GsBase = Long(172),
            Control = [Long(188), Long(196), Long(204), Long(212), Long(220), Long(228)],
        };
    }

    /// <summary>Memory at a linear address.</summary>
    public byte[] ReadMemory(ulong address, int length)
    {
        // Packets hold 4 KiB, two digits a byte.
        const int Piece = 1024;
        var bytes = new List<byte>();
        for (int at = 0; at < length; at += Piece)
        {
            bytes.AddRange(Convert.FromHexString(Command(string.Create(CultureInfo.InvariantCulture, $"m{address + (uint)at:x},{Math.Min(Piece, length - at):x}"))));
        }

        return [.. bytes];
    }

    public void Dispose()
    {
        _socket.Dispose();
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.WaitForExit();
        _process.Dispose();
    }

    private bool TryConnect(string path)
    {
        try
        {
            _socket.Connect(new UnixDomainSocketEndPoint(path));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>One packet and its answer: $content#sum, and + for each that arrived.</summary>
    private string Command(string content)
    {
        int sum = content.Sum(character => character) & 0xff;
        _socket.Send(Encoding.ASCII.GetBytes($"${content}#{sum:x2}"));
        while (true)
        {
            string text = _pending.ToString();
            int start = text.IndexOf('$', StringComparison.Ordinal);
            int end = start < 0 ? -1 : text.IndexOf('#', start);
            if (end >= 0 && text.Length >= end + 3)
            {
                _pending.Clear().Append(text.AsSpan(end + 3));
                _socket.Send("+"u8);
                return text[(start + 1)..end];
            }

            int count = _socket.Receive(_buffer);
            Assert.True(count > 0, "the peer closed its connection");
            _pending.Append(Encoding.ASCII.GetString(_buffer, 0, count));
        }
    }
}
