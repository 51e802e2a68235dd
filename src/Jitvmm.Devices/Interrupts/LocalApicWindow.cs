using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Interrupts;

/// <summary>The page of addresses where processors see their own local APICs: FEE00000h, unless IA32_APIC_BASE says another (SDM vol. 3A, 11.4.5).</summary>
/// <remarks>Which processor asks is known from the thread. A write by anything else there would be an interrupt message, which devices send by themselves.</remarks>
public sealed class LocalApicWindow(ulong address) : IMemoryDevice
{
    [ThreadStatic]
    private static LocalApic? s_current;

    /// <summary>Says whose accesses this thread makes from now on.</summary>
    public static void Enter(LocalApic? apic) => s_current = apic;

    public ulong Read(ulong offset, int bytes)
    {
        if (Seen() is not { } apic)
        {
            return ulong.MaxValue;
        }

        // Aligned 32-bit accesses are the architecture's; parts of a register read as parts.
        uint value = apic.ReadPage((uint)offset & 0xffc);
        return value >> (8 * ((int)offset & 3));
    }

    public void Write(ulong offset, int bytes, ulong value)
    {
        if ((offset & 3) == 0)
        {
            Seen()?.WritePage((uint)offset, (uint)value);
        }
    }

    private LocalApic? Seen() => s_current is { } apic && apic.Address == address ? apic : null;
}
