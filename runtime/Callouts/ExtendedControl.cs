using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Callouts;

/// <summary>XGETBV and XSETBV (SDM vol. 1, 13.3).</summary>
public static unsafe class ExtendedControl
{
    [TouchesRegisters]
    public static void Read(CpuState* cpu)
    {
        CheckEnabled(cpu);
        uint index = (uint)cpu->Gpr[1];
        if (index > 1)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }

        // Register 1 is XINUSE within XCR0: every component counts as in use.
        cpu->Gpr[0] = (uint)cpu->System.XCr0;
        cpu->Gpr[2] = 0;
    }

    [TouchesRegisters]
    public static void Write(CpuState* cpu)
    {
        if (cpu->System.Cpl != 0)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }

        CheckEnabled(cpu);
        ulong value = (cpu->Gpr[2] << 32) | (uint)cpu->Gpr[0];
        bool isClosed = (value & ExtendedState.X87Component) != 0
            && ((value & ExtendedState.AvxComponent) == 0 || (value & ExtendedState.SseComponent) != 0);
        if ((uint)cpu->Gpr[1] != 0 || !isClosed || (value & ~(ulong)CpuModel.XCr0) != 0)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }

        cpu->System.XCr0 = value;
        CpuMode.ChangedWithin(cpu);
    }

    private static void CheckEnabled(CpuState* cpu)
    {
        if ((cpu->System.Cr4 & Cr4.Xsave) == 0)
        {
            GuestAccess.Raise(ExceptionVector.InvalidOpcode);
        }
    }
}
