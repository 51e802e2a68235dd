namespace Jitvmm.Devices.Interrupts;

/// <summary>Registers as hypervisors show them to guests that know: whatever mode the APIC is in, and nothing while it is off.</summary>
public sealed partial class LocalApic
{
    private const uint TaskPriorityRegister = 0x08;
    private const uint EndRegister = 0x0b;
    private const int CommandDestinationShift = 56;
    private const ulong DeliveryStatus = 1ul << 12;

    /// <summary>The task priority register. On the processor's own thread.</summary>
    public uint TaskPriority
    {
        get => Volatile.Read(ref _taskPriority);
        set => _ = IsEnabled && TryWrite(TaskPriorityRegister, value);
    }

    /// <summary>The interrupt command register in xAPIC's layout: 8 bits of destination on top. Written, it sends.</summary>
    public ulong Command
    {
        get
        {
            lock (_lock)
            {
                return IsX2 ? (uint)_command | (_command >> 32 << CommandDestinationShift) : _command;
            }
        }

        set
        {
            if (!IsEnabled)
            {
                return;
            }

            ulong command = (uint)(value & ~DeliveryStatus);
            uint destination = (uint)(value >> CommandDestinationShift);
            lock (_lock)
            {
                _command = command | ((ulong)destination << (IsX2 ? 32 : CommandDestinationShift));
            }

            Send(command, destination);
        }
    }

    /// <summary>Ends the interrupt in service with the highest priority. On the processor's own thread.</summary>
    public void EndOfInterrupt() => _ = IsEnabled && TryWrite(EndRegister, 0);
}
