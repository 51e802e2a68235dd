namespace Jitvmm.Devices.Interrupts;

/// <summary>Carries messages to local APICs and their end-of-interrupt messages back to the I/O APIC.</summary>
/// <remarks>
/// Lock order: device → <see cref="IoApic"/> or <see cref="Pic"/> → <see cref="LocalApic"/>. A local APIC calls nothing of the machine under its lock: messages and ends of
/// interrupts go out after it is released.
/// </remarks>
public sealed class ApicBus
{
    private readonly List<LocalApic> _apics = [];
    private uint _turn;

    /// <summary>Called when a level-triggered interrupt was ended by a processor.</summary>
    public Action<byte>? EndOfInterrupt { get; set; }

    public IReadOnlyList<LocalApic> Apics => _apics;

    /// <summary>Before the machine runs.</summary>
    public void Attach(LocalApic apic) => _apics.Add(apic);

    /// <summary>Delivers a message of a device, or of a processor by destination. True when some APIC took it.</summary>
    public bool Deliver(in InterruptMessage message)
    {
        if (message.Mode == DeliveryMode.LowestPriority)
        {
            LocalApic? chosen = LowestPriority(message);
            chosen?.Accept(message);
            return chosen != null;
        }

        bool taken = false;
        foreach (LocalApic apic in _apics)
        {
            if (apic.Matches(message.Destination, message.IsLogical))
            {
                apic.Accept(message);
                taken = true;
            }
        }

        return taken;
    }

    /// <summary>A message for the APIC at a place in <see cref="Apics"/>, whatever id the guest gave it. False: it is turned off.</summary>
    internal bool SendTo(int index, in InterruptMessage message)
    {
        LocalApic apic = _apics[index];
        bool isVectored = message.Mode is DeliveryMode.Fixed or DeliveryMode.LowestPriority;
        if (isVectored ? !apic.IsSoftwareEnabled : !apic.IsEnabled)
        {
            return false;
        }

        apic.Accept(message);
        return true;
    }

    /// <summary>A message to all (shorthand "all including self" and "all excluding self").</summary>
    internal void Broadcast(in InterruptMessage message, LocalApic? except)
    {
        foreach (LocalApic apic in _apics)
        {
            if (apic != except)
            {
                apic.Accept(message);
            }
        }
    }

    /// <summary>Turns between equals, as the bus arbitration does.</summary>
    private LocalApic? LowestPriority(in InterruptMessage message)
    {
        LocalApic? chosen = null;
        int lowest = int.MaxValue;
        int start = (int)(Interlocked.Increment(ref _turn) % (uint)Math.Max(_apics.Count, 1));
        for (int i = 0; i < _apics.Count; i++)
        {
            LocalApic apic = _apics[(start + i) % _apics.Count];
            if (apic.Matches(message.Destination, message.IsLogical) && apic.IsSoftwareEnabled)
            {
                int priority = apic.ProcessorPriority;
                if (priority < lowest)
                {
                    lowest = priority;
                    chosen = apic;
                }
            }
        }

        return chosen;
    }
}
