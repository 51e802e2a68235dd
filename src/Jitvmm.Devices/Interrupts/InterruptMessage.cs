namespace Jitvmm.Devices.Interrupts;

/// <summary>How an interrupt message is to be taken (SDM vol. 3A, 11.6.1).</summary>
public enum DeliveryMode
{
    Fixed,
    LowestPriority,
    SystemManagement,
    Reserved,
    NonMaskable,
    Initialize,
    StartUp,
    External,
}

/// <summary>One message between APICs, or from a device that writes it (SDM vol. 3A, 11.11).</summary>
public readonly record struct InterruptMessage(uint Destination, bool IsLogical, DeliveryMode Mode, byte Vector, bool IsLevel)
{
    /// <summary>The message a 32-bit write to FEExxxxxh means (SDM vol. 3A, 11.11.1 and 11.11.2).</summary>
    public static InterruptMessage FromWrite(ulong address, uint data) =>
        new((uint)(address >> 12) & 0xff, (address & 4) != 0, (DeliveryMode)((data >> 8) & 7), (byte)data, (data & 0x8000) != 0);

    /// <summary>Whether an address is one that interrupt messages go to.</summary>
    public static bool IsMessageAddress(ulong address) => address >> 20 == 0xfee;
}
