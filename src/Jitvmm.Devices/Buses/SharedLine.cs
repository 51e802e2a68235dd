namespace Jitvmm.Devices.Buses;

/// <summary>A level-triggered input that several devices pull: high while any of them does.</summary>
public sealed class SharedLine(IInterruptSink sink, int wire)
{
    private readonly Lock _lock = new();
    private int _sources;
    private ulong _high;

    /// <summary>A wire for one more device, of at most 64.</summary>
    public InterruptLine Attach() => new(new Source(this, _sources++), wire);

    private void Pull(int source, bool high)
    {
        lock (_lock)
        {
            ulong before = _high;
            _high = high ? _high | (1ul << source) : _high & ~(1ul << source);
            if ((before == 0) != (_high == 0))
            {
                sink.SetLevel(wire, high);
            }
        }
    }

    private sealed class Source(SharedLine line, int number) : IInterruptSink
    {
        public void SetLevel(int wire, bool high) => line.Pull(number, high);
    }
}
