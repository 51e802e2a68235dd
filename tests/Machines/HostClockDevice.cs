using System.Diagnostics;
using Jitvmm.Devices.Buses;

namespace Jitvmm.Tests.Machines;

/// <summary>
/// Gives a guest the host's monotonic clock, in nanoseconds, out of eight ports, whose first four are read first, and counts the pauses it asks for in the next four.
/// </summary>
internal sealed class HostClockDevice : IPortDevice, IDisposable
{
    public const ushort Port = 0x5f0;
    public const int Count = 12;

    private const int HighHalf = Port + 4;
    private const int Pauses = Port + 8;

    /// <summary>Of one processor's thread: the time whose low half it has read.</summary>
    private readonly ThreadLocal<long> _read = new();

    private readonly SemaphoreSlim _asked = new(0);
    private int _pauses;

    public int PortWidth => 4;

    public static long Now => Stopwatch.GetTimestamp() * (1_000_000_000 / Stopwatch.Frequency);

    public uint ReadPort(ushort port, int bytes)
    {
        switch (port)
        {
            case Port:
                _read.Value = Now;
                return (uint)_read.Value;
            case HighHalf:
                return (uint)(_read.Value >> 32);
            default:
                return (uint)Volatile.Read(ref _pauses);
        }
    }

    public void WritePort(ushort port, int bytes, uint value)
    {
        if (port == Pauses)
        {
            _asked.Release();
        }
    }

    /// <summary>Waits until the guest asks for a pause. False: it did not within the limit.</summary>
    public bool AwaitRequest(TimeSpan limit) => _asked.Wait(limit);

    /// <summary>Tells the guest that it was paused.</summary>
    public void PauseIsOver() => Interlocked.Increment(ref _pauses);

    public void Dispose()
    {
        _read.Dispose();
        _asked.Dispose();
    }
}
