using Jitvmm.Devices.Processors;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Devices.Loading;

/// <summary>How a loaded kernel is entered.</summary>
/// <param name="IsLongMode">64-bit code under an identity map; otherwise 32-bit protected mode without paging.</param>
/// <param name="Address">Where.</param>
/// <param name="Rax">What its protocol passes in registers.</param>
/// <param name="Rbx">Likewise.</param>
/// <param name="Rsi">Likewise.</param>
public readonly record struct BootEntry(bool IsLongMode, ulong Address, ulong Rax = 0, ulong Rbx = 0, ulong Rsi = 0)
{
    /// <summary>Real mode at F000:FFF0, as after RESET: firmware does the rest.</summary>
    public static BootEntry ResetVector => new() { IsReset = true };

    /// <summary>The processor starts as RESET leaves it, and the other members say nothing.</summary>
    public bool IsReset { get; private init; }

    /// <summary>Writes the tables that the entry state refers to.</summary>
    public void Prepare(PhysicalMemory memory)
    {
        BootTables.WriteGdt(memory, IsLongMode);
        if (IsLongMode)
        {
            BootTables.WriteIdentityMap(memory);
        }
    }

    /// <summary>Gives a processor the entry state.</summary>
    public unsafe void Apply(CpuState* cpu)
    {
        if (IsReset)
        {
            ProcessorState.Reset(cpu);
            return;
        }

        if (IsLongMode)
        {
            ProcessorState.EnterLongMode(cpu, Address, BootTables.PageTableAddress, BootTables.GdtAddress, BootTables.GdtLimit);
        }
        else
        {
            ProcessorState.EnterProtectedMode(cpu, (uint)Address, BootTables.GdtAddress, BootTables.GdtLimit);
        }

        cpu->Gpr[2] = 0;
        cpu->Gpr[0] = Rax;
        cpu->Gpr[3] = Rbx;
        cpu->Gpr[6] = Rsi;
    }
}
