using Iced.Intel;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Cpu;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>What CR0, CR4 and XCR0 take away (SDM vol. 3A, 2.5, 9.2 and 13.1), and alignment checks (vol. 3A, 6.15, interrupt 17).</summary>
public sealed unsafe class ProcessorUnitTests : IDisposable
{
    private const int Undefined = 6;
    private const int Unavailable = 7;
    private const int FloatingPoint = 16;
    private const int Alignment = 17;
    private const ulong All = Cr4.PhysicalAddressExtension | Cr4.Fxsave | Cr4.SimdExceptions | Cr4.Xsave;
    private const ulong Base = Cr0.Paging | Cr0.ProtectionEnable | Cr0.NumericError | Cr0.MonitorCoprocessor;

    private readonly TestMachine _machine = new();

    public enum Unit
    {
        X87,
        Wait,
        Mmx,
        Sse,
        Fence,
        Avx,
        Bmi,
        Fxsave,
        Xsave,
    }

    [Theory]
    [InlineData(Base, All, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0)]
    [InlineData(Base | Cr0.TaskSwitched, All, 7, 7, 7, 7, 7, 0, 7, 0, 7, 7)]
    [InlineData((Base | Cr0.TaskSwitched) & ~Cr0.MonitorCoprocessor, All, 7, 7, 0, 7, 7, 0, 7, 0, 7, 7)]
    [InlineData((Base | Cr0.Emulation) & ~Cr0.MonitorCoprocessor, All, 7, 7, 0, 6, 6, 0, 0, 0, 7, 0)]
    [InlineData(Base, All & ~Cr4.Fxsave, 7, 0, 0, 0, 6, 0, 0, 0, 0, 0)]
    [InlineData(Base, All & ~Cr4.Xsave, 7, 0, 0, 0, 0, 0, 6, 0, 0, 6)]
    [InlineData(Base, All, 3, 0, 0, 0, 0, 0, 6, 0, 0, 0)]
    [InlineData(Base | Cr0.TaskSwitched, All, 1, 7, 7, 7, 7, 0, 6, 0, 7, 7)]
    public void Each_unit_is_there_or_not(ulong cr0, ulong cr4, int xcr0, params int[] vectors)
    {
        for (Unit unit = Unit.X87; unit <= Unit.Xsave; unit++)
        {
            int expected = vectors[(int)unit] == 0 ? FaultRun.None : vectors[(int)unit];
            _machine.Restart();
            FaultRun run = new FaultRun(_machine.EnterLongMode()).Prepare();
            ControlRegisters.Write(_machine.Cpu, 4, All, 0);
            _machine.Cpu->Gpr[0] = (ulong)xcr0;
            _machine.Cpu->Gpr[1] = 0;
            _machine.Cpu->Gpr[2] = 0;
            ExtendedControl.Write(_machine.Cpu);
            ControlRegisters.Write(_machine.Cpu, 4, cr4, 0);
            ControlRegisters.Write(_machine.Cpu, 0, cr0, 0);
            Assert.True(expected == run.Run(Using(unit)), $"{unit}: expected {expected}, CR0 {cr0:x}, CR4 {cr4:x}, XCR0 {xcr0}");
        }
    }

    [Fact]
    public void CLTS_gives_the_units_back()
    {
        FaultRun run = new FaultRun(_machine.EnterLongMode()).Prepare();
        ControlRegisters.Write(_machine.Cpu, 0, Base | Cr0.TaskSwitched, 0);
        Assembler asm = new(64);
        asm.clts();
        asm.fld1();
        asm.pxor(xmm0, xmm0);
        Assert.Equal(FaultRun.None, run.Run(asm));
        Assert.Equal(Unavailable, Rerun(run, Cr0.TaskSwitched));
    }

    [Fact]
    public void VEX_encodings_are_undefined_in_real_mode()
    {
        _machine.Cpu->System.IdtLimit = 0x3ff;
        FaultRun run = new FaultRun(_machine).Prepare();
        ControlRegisters.Write(_machine.Cpu, 4, Cr4.Fxsave | Cr4.Xsave, 0);
        _machine.Load(SegmentIndex.Cs, 0);
        _machine.Cpu->Gpr[4] = 0x8000;

        // ANDN eax, eax, eax.
        _machine.Write(FaultRun.Code, 0xf4c0f278e2c4, 6);
        Assert.Equal(Undefined, run.Run(FaultRun.Code));
    }

    [Theory]
    [InlineData(Cr0.NumericError, FloatingPoint)]
    [InlineData(0ul, FaultRun.None)]
    public void An_unmasked_x87_error_is_an_exception_or_the_platforms(ulong numericError, int vector)
    {
        FaultRun run = new FaultRun(_machine.EnterLongMode()).Prepare();
        ControlRegisters.Write(_machine.Cpu, 0, (Base & ~Cr0.NumericError) | numericError, 0);
        _machine.Write(0x50000, 0x37b, 2);
        Assembler asm = new(64);
        asm.fninit();
        asm.fldcw(__word_ptr[0x50000]);
        asm.fld1();
        asm.fldz();
        asm.fdivp(st1, st0);
        asm.wait();
        Assert.Equal(vector, run.Run(asm));
        Assert.Equal(vector == FaultRun.None ? 1 : 0, Math.Min(1, _machine.FloatingPointErrors));
    }

    [Theory]
    [InlineData(0x50001, 4, Alignment)]
    [InlineData(0x50002, 4, Alignment)]
    [InlineData(0x50002, 2, FaultRun.None)]
    [InlineData(0x50003, 2, Alignment)]
    [InlineData(0x50003, 1, FaultRun.None)]
    [InlineData(0x50004, 8, Alignment)]
    [InlineData(0x50004, 4, FaultRun.None)]
    public void User_code_may_ask_for_alignment_checks(int address, int bytes, int vector)
    {
        FaultRun run = new FaultRun(_machine.EnterLongMode()).Prepare();
        ControlRegisters.Write(_machine.Cpu, 0, Base | Cr0.AlignmentMask, 0);
        Assembler asm = new(64);
        asm.pushfq();
        asm.or(__qword_ptr[rsp], (int)SystemFlags.AlignmentCheck);
        asm.popfq();
        switch (bytes)
        {
            case 1:
                asm.mov(al, __byte_ptr[address]);
                break;
            case 2:
                asm.mov(ax, __word_ptr[address]);
                break;
            case 4:
                asm.mov(eax, __dword_ptr[address]);
                break;
            default:
                asm.mov(rax, __qword_ptr[address]);
                break;
        }

        asm.ud2();
        _machine.EnterUser();
        Assert.Equal(vector == FaultRun.None ? Undefined : vector, run.Run(asm));
        Assert.Equal(0ul, run.ErrorCode);
    }

    [Fact]
    public void Supervisors_and_masked_checks_do_not_fault()
    {
        FaultRun run = new FaultRun(_machine.EnterLongMode()).Prepare();
        Assembler asm = new(64);
        asm.pushfq();
        asm.or(__qword_ptr[rsp], (int)SystemFlags.AlignmentCheck);
        asm.popfq();
        asm.mov(rax, __qword_ptr[0x50001]);
        ControlRegisters.Write(_machine.Cpu, 0, Base | Cr0.AlignmentMask, 0);
        Assert.Equal(FaultRun.None, run.Run(asm));
        ControlRegisters.Write(_machine.Cpu, 0, Base, 0);
        asm.ud2();
        _machine.EnterUser();
        _machine.Place(asm, FaultRun.Code);
        Assert.Equal(13, run.Run(FaultRun.Code));
        Assert.Equal(0xf4ul, _machine.Read(run.FaultRip, 1));
    }

    public void Dispose() => _machine.Dispose();

    private int Rerun(FaultRun run, ulong more)
    {
        ControlRegisters.Write(_machine.Cpu, 0, Base | more, 0);
        return run.Run(FaultRun.Code + 2);
    }

    private static Assembler Using(Unit unit)
    {
        Assembler asm = new(64);
        switch (unit)
        {
            case Unit.X87:
                asm.fld1();
                break;
            case Unit.Wait:
                asm.wait();
                break;
            case Unit.Mmx:
                asm.paddb(mm0, mm1);
                break;
            case Unit.Sse:
                asm.addps(xmm0, xmm1);
                break;
            case Unit.Fence:
                asm.sfence();
                break;
            case Unit.Avx:
                asm.vaddps(ymm0, ymm1, ymm2);
                break;
            case Unit.Bmi:
                asm.andn(eax, ebx, ecx);
                break;
            case Unit.Fxsave:
                asm.fxsave(__[0x50000]);
                break;
            default:
                asm.xor(edx, edx);
                asm.mov(eax, 1);
                asm.xsave(__[0x50000]);
                break;
        }

        return asm;
    }
}
