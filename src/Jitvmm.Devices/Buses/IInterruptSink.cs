namespace Jitvmm.Devices.Buses;

/// <summary>Where interrupt wires end.</summary>
public interface IInterruptSink
{
    /// <summary>A wire's level changed. Any thread; the caller may hold its device's lock.</summary>
    void SetLevel(int wire, bool high);
}
