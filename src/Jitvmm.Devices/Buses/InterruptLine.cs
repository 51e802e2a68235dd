namespace Jitvmm.Devices.Buses;

/// <summary>One wire from a device to the interrupt controllers. The device drives it under its own lock.</summary>
public sealed class InterruptLine(IInterruptSink sink, int wire)
{
    /// <summary>The level now.</summary>
    public bool IsHigh { get; private set; }

    public int Wire => wire;

    public void Set(bool high)
    {
        if (IsHigh != high)
        {
            IsHigh = high;
            sink.SetLevel(wire, high);
        }
    }

    /// <summary>A low-to-high edge, for edge-triggered inputs.</summary>
    public void Pulse()
    {
        Set(true);
        Set(false);
    }
}
