using Iced.Intel;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using static Iced.Intel.AssemblerRegisters;

namespace Jitvmm.Tests.Runtime.Callouts;

/// <summary>Code of 16 and 32 bits, run to its HLT.</summary>
public sealed unsafe class LegacyCodeTests : IDisposable
{
    private const uint Code = 0x2000;

    private readonly TestMachine _machine = new();

    [Fact]
    public void Real_mode_stack_is_a_segment_with_a_16_bit_pointer()
    {
        Assembler asm = new(16);
        asm.mov(ax, 0x3000);
        asm.mov(ss, ax);
        asm.mov(sp, 2);
        asm.mov(eax, 0x11223344);
        asm.push(ax);
        asm.push(eax);
        asm.pop(bx);
        asm.pop(cx);
        asm.pop(dx);
        RunReal(asm);
        Assert.Equal((0x3344ul, 0x1122ul, 0x3344ul, 2ul), (_machine.Cpu->Gpr[3], _machine.Cpu->Gpr[1], _machine.Cpu->Gpr[2] & 0xffff, _machine.Cpu->Gpr[4]));
        Assert.Equal(0x3344ul, _machine.Read(0x30000, 2));
        Assert.Equal(0x3344ul, _machine.Read(0x3fffc, 2));
    }

    [Fact]
    public void Real_mode_addresses_wrap_within_their_segments()
    {
        _machine.Write(0x40010, 0xabcd, 2);
        Assembler asm = new(16);
        asm.mov(ax, 0x4000);
        asm.mov(ds, ax);
        asm.mov(bx, 0xfff0);
        asm.mov(si, 0x20);
        asm.mov(dx, __word_ptr[bx + si]);
        asm.mov(bp, 0x10);
        asm.mov(cx, __word_ptr.ds[bp]);
        RunReal(asm);
        Assert.Equal((0xabcdul, 0xabcdul), (_machine.Cpu->Gpr[2] & 0xffff, _machine.Cpu->Gpr[1]));
    }

    [Fact]
    public void Strings_use_both_segments_and_wrap_their_indices()
    {
        _machine.Write(0x4fffe, 0x44332211, 4);
        _machine.Write(0x40000, 0x8877, 2);
        Assembler asm = new(16);
        asm.mov(ax, 0x4000);
        asm.mov(ds, ax);
        asm.mov(ax, 0x5000);
        asm.mov(es, ax);
        asm.mov(esi, unchecked((int)0xaaaafffe));
        asm.mov(di, 0x100);
        asm.mov(cx, 4);
        asm.rep.movsb();
        asm.mov(di, 0x200);
        asm.mov(eax, 0x01020304);
        asm.stosd();
        asm.lodsb();
        RunReal(asm);
        Assert.Equal(0x88772211ul, _machine.Read(0x50100, 4));
        Assert.Equal(0x01020304ul, _machine.Read(0x50200, 4));
        Assert.Equal((0xaaaa0003ul, 0x204ul, 0ul), (_machine.Cpu->Gpr[6], _machine.Cpu->Gpr[7], _machine.Cpu->Gpr[1]));
    }

    [Fact]
    public void Real_mode_calls_loops_and_interrupts()
    {
        _machine.Cpu->System.IdtLimit = 0x3ff;
        Assembler asm = new(16);
        Label function = asm.CreateLabel();
        Label loop = asm.CreateLabel();
        Label start = asm.CreateLabel();
        asm.mov(sp, 0x8000);
        asm.jmp(start);
        asm.Label(ref function);
        asm.add(ax, 3);
        asm.ret(2);
        asm.Label(ref start);
        asm.xor(ax, ax);
        asm.mov(cx, 5);
        asm.Label(ref loop);
        asm.push(cx);
        asm.call(function);
        asm.loop(loop);
        asm.@int(0x60);
        RunReal(asm, 0x60);
        Assert.Equal((15ul, 0x8000ul, 0x77ul), (_machine.Cpu->Gpr[0], _machine.Cpu->Gpr[4] & 0xffff, _machine.Cpu->Gpr[3]));
    }

    [Fact]
    public void Protected_mode_runs_the_usual_things()
    {
        _machine.EnterProtectedMode();
        Assembler asm = new(32);
        Label function = asm.CreateLabel();
        Label over = asm.CreateLabel();
        asm.jmp(over);
        asm.Label(ref function);
        asm.enter(8, 0);
        asm.mov(eax, __dword_ptr[ebp + 8]);
        asm.mov(__dword_ptr[ebp - 4], eax);
        asm.add(eax, __dword_ptr[ebp - 4]);
        asm.leave();
        asm.ret(4);
        asm.Label(ref over);
        asm.push(21);
        asm.call(function);
        asm.mov(ebx, eax);
        asm.pushad();
        asm.mov(ebx, 0);
        asm.popad();
        asm.pushfd();
        asm.pop(ecx);
        asm.mov(al, 0x79);
        asm.add(al, 0x35);
        asm.daa();
        asm.mov(__dword_ptr[0x50000], 0x12345678);
        asm.push(__dword_ptr[0x50000]);
        asm.pop(__dword_ptr[esp + 0x100]);
        RunFlat(asm);
        Assert.Equal((42ul, TestMachine.Stack), (_machine.Cpu->Gpr[3], _machine.Cpu->Gpr[4]));
        Assert.Equal(0x14ul, _machine.Cpu->Gpr[0] & 0xff);
        Assert.Equal(1ul, _machine.Cpu->FlagC);
        Assert.Equal(0x12345678ul, _machine.Read(TestMachine.Stack + 0x100, 4));
    }

    [Fact]
    public void Repeated_strings_keep_their_32_bit_indices_when_they_run_again()
    {
        // Enough blocks that their records lie at addresses of all sorts.
        const int Sites = 400;
        const int Passes = 4;
        _machine.EnterProtectedMode();
        Assembler asm = new(32);
        Label again = asm.CreateLabel();
        asm.mov(ebx, Passes);
        asm.Label(ref again);
        for (int i = 0; i < Sites; i++)
        {
            asm.mov(edi, 0x50000 + 4 * i);
            asm.mov(ecx, 1);
            asm.mov(eax, ebx);
            asm.rep.stosd();
        }

        asm.dec(ebx);
        asm.jne(again);
        RunFlat(asm);
        for (int i = 0; i < Sites; i++)
        {
            Assert.Equal(1ul, _machine.Read(0x50000 + 4 * (ulong)i, 4));
        }
    }

    [Fact]
    public void Segment_bases_wrap_at_four_gigabytes()
    {
        _machine.EnterProtectedMode();
        _machine.SetDescriptor(TestMachine.Free, TestMachine.Segment(0xfffff000, 0xfffff, 0x93, 0xc));
        _machine.Write(0x50000, 0xcafe, 4);
        _machine.Load(SegmentIndex.Gs, TestMachine.Free);
        Assembler asm = new(32);
        asm.mov(eax, __dword_ptr.gs[0x51000]);
        asm.mov(ebx, 0x41000);
        asm.add(eax, __dword_ptr.gs[ebx + 0x10000]);
        RunFlat(asm);
        Assert.Equal(2 * 0xcafeul, _machine.Cpu->Gpr[0]);
    }

    [Fact]
    public void A_trampoline_reaches_64_bit_mode()
    {
        // What an application processor does after its start-up interrupt.
        _machine.Write(0x7000, 0xfff | (TestMachine.Gdt << 16), 6);
        Assembler real = new(16);
        real.lgdt(__[0x7000]);
        real.mov(eax, 1);
        real.mov(cr0, eax);
        real.AddInstruction(Instruction.CreateBranch(Iced.Intel.Code.Jmp_ptr1632, (ushort)TestMachine.KernelCode32, 0x3000));
        Assembler flat = new(32);
        flat.mov(eax, (int)TestMachine.KernelData);
        flat.mov(ds, eax);
        flat.mov(ss, eax);
        flat.mov(eax, (int)Cr4.PhysicalAddressExtension);
        flat.mov(cr4, eax);
        flat.mov(eax, (int)TestMachine.PageTables);
        flat.mov(cr3, eax);
        flat.mov(ecx, unchecked((int)0xc0000080));
        flat.rdmsr();
        flat.or(eax, (int)Efer.LongModeEnable);
        flat.wrmsr();
        flat.mov(eax, unchecked((int)(uint)(Cr0.Paging | Cr0.ProtectionEnable)));
        flat.mov(cr0, eax);
        flat.AddInstruction(Instruction.CreateBranch(Iced.Intel.Code.Jmp_ptr1632, (ushort)TestMachine.KernelCode, 0x4000));
        Assembler wide = new(64);
        wide.mov(rax, 0x1122334455667788);
        wide.mov(rsp, (long)TestMachine.Stack);
        wide.push(rax);
        wide.pop(r15);
        wide.hlt();
        _machine.Place(flat, 0x3000);
        _machine.Place(wide, 0x4000);
        RunReal(real);
        Assert.Equal((64, 0x1122334455667788ul), (CpuMode.CodeBits(_machine.Cpu), _machine.Cpu->Gpr[15]));
    }

    public void Dispose() => _machine.Dispose();

    private void RunReal(Assembler asm, int vector = -1)
    {
        asm.hlt();
        if (vector >= 0)
        {
            // The handler stands behind the program.
            _machine.Write((ulong)(vector * 4), 0x1000, 4);
            Assembler handler = new(16);
            handler.mov(bx, 0x77);
            handler.iret();
            _machine.Place(handler, 0x1000);
        }

        _machine.Place(asm, Code);
        _machine.Load(SegmentIndex.Cs, 0);
        Run();
    }

    private void RunFlat(Assembler asm)
    {
        asm.hlt();
        _machine.Place(asm, Code);
        Run();
    }

    private void Run()
    {
        _machine.Cpu->Rip = Code;
        MachineExit exit = _machine.Run();
        Assert.True(exit == MachineExit.Halted, $"at {_machine.Cpu->Selectors[1]:x}:{_machine.Cpu->Rip:x}, vector {_machine.Cpu->PendingVector}, CR2 {_machine.Cpu->System.Cr2:x}");
        Assert.Equal(0, _machine.TripleFaults);
    }
}
