using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Callouts;

/// <summary>SYSCALL, SYSRET, SYSENTER, SYSEXIT (SDM vol. 2B; vol. 3A, 5.8.7 and 5.8.8).</summary>
public static unsafe class FastSystemCalls
{
    private const int Rcx = 1;
    private const int Rdx = 2;
    private const int Rsp = 4;
    private const int R11 = 11;

    /// <summary>Flags SYSRET loads.</summary>
    private const ulong LoadableFlags = 0x3c7fd7;

    private const int LongCode = SegmentAttributes.Code | SegmentAttributes.Long;
    private const int Code32 = SegmentAttributes.Code | SegmentAttributes.Big;
    private const int Data32 = SegmentAttributes.Big;

    /// <summary>Completes SYSCALL, on <see cref="BlockExit.SystemCall"/>: the lift has checked that it is enabled, RCX and R11 are set, RIP is past it.</summary>
    public static void Enter(CpuState* cpu)
    {
        uint selector = (uint)(cpu->System.Star >> 32) & 0xfffc;
        Segments.SetFlat(cpu, SegmentIndex.Cs, selector, 0, LongCode);
        Segments.SetFlat(cpu, SegmentIndex.Ss, selector + 8, 0, Data32);
        cpu->WriteFlags(cpu->ReadFlags() & ~(cpu->System.SyscallMask | SystemFlags.Resume));
        cpu->Rip = cpu->System.LongStar;
        cpu->System.Cpl = 0;
        CpuMode.Changed(cpu);
    }

    /// <summary>SYSRET to 64-bit code (<paramref name="wide"/>) or compatibility mode.</summary>
    [TouchesRegisters]
    public static int Return(CpuState* cpu, int wide)
    {
        if (!CpuMode.Is64Bit(cpu) || (cpu->System.Efer & Efer.SyscallEnable) == 0)
        {
            GuestAccess.Raise(ExceptionVector.InvalidOpcode);
        }

        ulong target = wide != 0 ? cpu->Gpr[Rcx] : (uint)cpu->Gpr[Rcx];
        if (cpu->System.Cpl != 0 || SystemSemantics.IsNonCanonical(target))
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }

        uint selector = (uint)(cpu->System.Star >> 48);
        Segments.SetFlat(cpu, SegmentIndex.Cs, (wide != 0 ? selector + 16 : selector) | 3, 3, wide != 0 ? LongCode : Code32);
        Segments.SetFlat(cpu, SegmentIndex.Ss, (selector + 8) | 3, 3, Data32);
        cpu->WriteFlags(cpu->Gpr[R11] & LoadableFlags & ~SystemFlags.Resume);
        LeaveKernel(cpu, target);
        return (int)BlockExit.Lookup;
    }

    [TouchesRegisters]
    public static int SysEnter(CpuState* cpu)
    {
        if (cpu->System.IsMachine == 0)
        {
            GuestAccess.Raise(ExceptionVector.InvalidOpcode);
        }

        if (!CpuMode.IsProtected(cpu) || (cpu->System.SysenterCs & 0xfffc) == 0)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }

        bool isLong = CpuMode.IsLong(cpu);
        uint selector = (uint)cpu->System.SysenterCs & 0xfffc;
        Segments.SetFlat(cpu, SegmentIndex.Cs, selector, 0, isLong ? LongCode : Code32);
        Segments.SetFlat(cpu, SegmentIndex.Ss, selector + 8, 0, Data32);
        cpu->FlagsSystem &= ~(SystemFlags.Virtual8086 | SystemFlags.Interrupt | SystemFlags.Resume);
        cpu->Gpr[Rsp] = isLong ? cpu->System.SysenterEsp : (uint)cpu->System.SysenterEsp;
        cpu->Rip = isLong ? cpu->System.SysenterEip : (uint)cpu->System.SysenterEip;
        cpu->System.Cpl = 0;
        CpuMode.Changed(cpu);
        return (int)BlockExit.Lookup;
    }

    /// <summary>SYSEXIT, with REX.W to 64-bit code.</summary>
    [TouchesRegisters]
    public static int SysExit(CpuState* cpu, int wide)
    {
        if (!CpuMode.IsProtected(cpu) || (cpu->System.SysenterCs & 0xfffc) == 0 || cpu->System.Cpl != 0)
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }

        ulong target = wide != 0 ? cpu->Gpr[Rdx] : (uint)cpu->Gpr[Rdx];
        ulong stack = wide != 0 ? cpu->Gpr[Rcx] : (uint)cpu->Gpr[Rcx];
        if (SystemSemantics.IsNonCanonical(target) || SystemSemantics.IsNonCanonical(stack))
        {
            GuestAccess.Raise(ExceptionVector.GeneralProtection);
        }

        uint selector = (uint)cpu->System.SysenterCs & 0xfffc;
        uint code = selector + (wide != 0 ? 32u : 16);
        Segments.SetFlat(cpu, SegmentIndex.Cs, code | 3, 3, wide != 0 ? LongCode : Code32);
        Segments.SetFlat(cpu, SegmentIndex.Ss, (code + 8) | 3, 3, Data32);
        cpu->Gpr[Rsp] = stack;
        LeaveKernel(cpu, target);
        return (int)BlockExit.Lookup;
    }

    private static void LeaveKernel(CpuState* cpu, ulong target)
    {
        cpu->Rip = target;
        cpu->System.Cpl = 3;
        CpuMode.Changed(cpu);
        InterruptFlag.Settled(cpu);
    }
}
