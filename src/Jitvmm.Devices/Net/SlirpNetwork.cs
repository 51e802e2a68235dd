using System.Diagnostics;
using System.Runtime.InteropServices;
using Jitvmm.Devices.Loading;

namespace Jitvmm.Devices.Net;

/// <summary>
/// User-mode network address translation by Debian's libslirp: the guest is 10.0.2.15, its gateway 10.0.2.2, its name server 10.0.2.3. Connections go out as the host's own;
/// none comes in, and the host's loopback addresses are not reachable unless asked for.
/// </summary>
/// <remarks>libslirp is not thread-safe: one lock guards it, given up only while the thread waits for sockets.</remarks>
public sealed unsafe class SlirpNetwork : INetwork
{
    private const uint NetworkAddress = 0x0002000a;
    private const uint Mask = 0x00ffffff;
    private const uint HostAddress = 0x0202000a;
    private const uint NameServerAddress = 0x0302000a;
    private const uint FirstLease = 0x0f02000a;
    private const short In = 1;
    private const short Urgent = 2;
    private const short Out = 4;
    private const int EventFlags = 0x80800;

    private readonly Lock _lock = new();
    private readonly nint _slirp;
    private readonly SlirpCallbacks* _callbacks;
    private readonly GCHandle _self;
    private readonly int _wake;
    private readonly Thread _thread;
    private PollEntry[] _polled = new PollEntry[64];
    private int _polledCount;
    private volatile bool _ending;

    /// <exception cref="BootException">libslirp is not installed, or failed.</exception>
    public SlirpNetwork(bool reachesLoopback)
    {
        _self = GCHandle.Alloc(this);
        _callbacks = (SlirpCallbacks*)NativeMemory.AllocZeroed((nuint)sizeof(SlirpCallbacks));
        *_callbacks = new SlirpCallbacks
        {
            SendPacket = &SendPacket,
            GuestError = &GuestError,
            ClockNanoseconds = &ClockNanoseconds,
            NewTimer = &NewTimer,
            FreeTimer = &FreeTimer,
            ChangeTimer = &ChangeTimer,
            RegisterFile = &RegisterFile,
            UnregisterFile = &RegisterFile,
            Notify = &Notify,
        };
        var settings = new SlirpSettings
        {
            Version = 1,
            EnablesIpv4 = 1,
            Network = NetworkAddress,
            Mask = Mask,
            Host = HostAddress,
            NameServer = NameServerAddress,
            FirstLease = FirstLease,
            DisablesHostLoopback = reachesLoopback ? (byte)0 : (byte)1,
        };
        try
        {
            _slirp = New(&settings, _callbacks, GCHandle.ToIntPtr(_self));
        }
        catch (DllNotFoundException)
        {
            Free();
            throw new BootException("--net user needs libslirp; on Debian: apt-get install libslirp0");
        }

        if (_slirp == 0)
        {
            Free();
            throw new BootException("libslirp could not start");
        }

        _wake = EventFile(0, EventFlags);
        _thread = new Thread(Serve, 512 * 1024) { IsBackground = true, Name = "network" };
        _thread.Start();
    }

    public FrameHandler? Received { get; set; }

    public void Send(ReadOnlySpan<byte> frame)
    {
        lock (_lock)
        {
            if (_ending)
            {
                return;
            }

            fixed (byte* bytes = frame)
            {
                Input(_slirp, bytes, frame.Length);
            }
        }

        Wake();
    }

    public void Dispose()
    {
        if (_ending)
        {
            return;
        }

        lock (_lock)
        {
            _ending = true;
        }

        Wake();
        _thread.Join();
        Cleanup(_slirp);
        _ = CloseFile(_wake);
        Free();
    }

    private void Free()
    {
        NativeMemory.Free(_callbacks);
        _self.Free();
    }

    private void Wake()
    {
        ulong one = 1;
        _ = WriteFile(_wake, &one, 8);
    }

    private void Serve()
    {
        while (!_ending)
        {
            uint timeout = 1000;
            lock (_lock)
            {
                _polledCount = 0;
                AddEntry(_wake, In);
                PollFill(_slirp, &timeout, &AddPoll, GCHandle.ToIntPtr(_self));
            }

            int ready;
            fixed (PollEntry* entries = _polled)
            {
                ready = Poll(entries, (ulong)_polledCount, (int)Math.Min(timeout, 1000));
            }

            lock (_lock)
            {
                if (_ending)
                {
                    return;
                }

                ulong count;
                _ = ReadFile(_wake, &count, 8);
                PollPoll(_slirp, ready < 0 ? 1 : 0, &GetEvents, GCHandle.ToIntPtr(_self));
            }
        }
    }

    private int AddEntry(int file, short events)
    {
        if (_polledCount == _polled.Length)
        {
            Array.Resize(ref _polled, 2 * _polledCount);
        }

        _polled[_polledCount] = new PollEntry { File = file, Events = events };
        return _polledCount++;
    }

    private static SlirpNetwork Of(nint handle) => (SlirpNetwork)GCHandle.FromIntPtr(handle).Target!;

    // No exception may leave these: they are called by C. What they call throws for nothing a guest does.
    [UnmanagedCallersOnly]
    private static nint SendPacket(byte* frame, nuint length, nint handle)
    {
        Of(handle).Received?.Invoke(new ReadOnlySpan<byte>(frame, (int)length));
        return (nint)length;
    }

    [UnmanagedCallersOnly]
    private static int AddPoll(int file, int events, nint handle)
    {
        // SLIRP_POLL_IN, OUT, PRI are 1, 2, 4; errors and hang-ups are always reported.
        int wanted = ((events & 1) != 0 ? In : 0) | ((events & 2) != 0 ? Out : 0) | ((events & 4) != 0 ? Urgent : 0);
        return Of(handle).AddEntry(file, (short)wanted);
    }

    [UnmanagedCallersOnly]
    private static int GetEvents(int index, nint handle)
    {
        SlirpNetwork network = Of(handle);
        int events = index >= 0 && index < network._polledCount ? network._polled[index].Returned : 0;
        return (events & In) | ((events & Out) >> 1) | ((events & Urgent) << 1) | (events & 0x18);
    }

    [UnmanagedCallersOnly]
    private static void GuestError(byte* message, nint handle)
    {
        // What a guest does wrong is the guest's own matter.
    }

    [UnmanagedCallersOnly]
    private static long ClockNanoseconds(nint handle) => Stopwatch.GetTimestamp();

    // Timers serve IPv6 router advertisements only, which are off.
    [UnmanagedCallersOnly]
    private static nint NewTimer(nint callback, nint argument, nint handle) => 1;

    [UnmanagedCallersOnly]
    private static void FreeTimer(nint timer, nint handle)
    {
    }

    [UnmanagedCallersOnly]
    private static void ChangeTimer(nint timer, long expires, nint handle)
    {
    }

    // Sockets are asked for anew before each wait.
    [UnmanagedCallersOnly]
    private static void RegisterFile(int file, nint handle)
    {
    }

    [UnmanagedCallersOnly]
    private static void Notify(nint handle) => Of(handle).Wake();

    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int File;
        public short Events;
        public short Returned;
    }

    [DllImport("libslirp.so.0", EntryPoint = "slirp_new")]
    private static extern nint New(SlirpSettings* settings, SlirpCallbacks* callbacks, nint handle);

    [DllImport("libslirp.so.0", EntryPoint = "slirp_cleanup")]
    private static extern void Cleanup(nint slirp);

    [DllImport("libslirp.so.0", EntryPoint = "slirp_input")]
    private static extern void Input(nint slirp, byte* frame, int length);

    [DllImport("libslirp.so.0", EntryPoint = "slirp_pollfds_fill")]
    private static extern void PollFill(nint slirp, uint* timeoutMs, delegate* unmanaged<int, int, nint, int> add, nint handle);

    [DllImport("libslirp.so.0", EntryPoint = "slirp_pollfds_poll")]
    private static extern void PollPoll(nint slirp, int failed, delegate* unmanaged<int, nint, int> get, nint handle);

    [DllImport("libc", EntryPoint = "poll")]
    private static extern int Poll(PollEntry* entries, ulong count, int timeoutMs);

    [DllImport("libc", EntryPoint = "eventfd")]
    private static extern int EventFile(uint value, int flags);

    [DllImport("libc", EntryPoint = "write")]
    private static extern nint WriteFile(int file, void* bytes, nuint length);

    [DllImport("libc", EntryPoint = "read")]
    private static extern nint ReadFile(int file, void* bytes, nuint length);

    [DllImport("libc", EntryPoint = "close")]
    private static extern int CloseFile(int file);
}
