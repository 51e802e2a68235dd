using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Interrupts;

/// <summary>The page at FEE00000h, where each processor sees its own local APIC.</summary>
/// <remarks>Which processor asks is known from the thread. A write by anything else there would be an interrupt message, which devices send by themselves.</remarks>
public sealed class LocalApicWindow : IMemoryDevice
{
    [ThreadStatic]
    private static LocalApic? s_current;

    /// <summary>Says whose accesses this thread makes from now on.</summary>
    public static void Enter(LocalApic? apic) => s_current = apic;

    public ulong Read(ulong offset, int bytes)
    {
        LocalApic? apic = s_current;
        if (apic == null)
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
            s_current?.WritePage((uint)offset, (uint)value);
        }
    }
}
