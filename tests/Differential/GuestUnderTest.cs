using System.Runtime.InteropServices;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Translator;

namespace Jitvmm.Tests.Differential;

/// <summary>The engine's side of a case: the same pages at the same addresses, the same registers, the same bytes.</summary>
public sealed unsafe class GuestUnderTest : IDisposable
{
    private const int ProtRead = 1;
    private const int ProtReadWrite = 3;
    private const int MapPrivateAnonymousFixed = 0x32;

    private readonly AddressSpace _memory = new();
    private readonly Engine _engine;
    private readonly VCpu _cpu;
    private readonly byte* _data;
    private readonly byte* _code;
    /// <summary>The program's memory image, and the same with the current case's patches.</summary>
    private readonly byte* _image;
    private readonly byte* _pristine;
    private TestProgram? _program;
    private int _lap;

    /// <param name="tier">0, or 1 for compiled code only.</param>
    /// <param name="isChecked">Compiled code checks each access; without, faults lose the registers and only cases without one can be compared.</param>
    public GuestUnderTest(int tier, bool isChecked = true)
    {
        HasExactFaults = tier == 0 || isChecked;
        _data = MapPages(TestLayout.DataBase, TestLayout.DataSize, PageAccess.Read | PageAccess.Write);
        byte* readOnly = MapPages(TestLayout.ReadOnlyBase, TestLayout.PageSize, PageAccess.Read);
        TestMemory.FillReadOnly(readOnly);
        if (Protect(readOnly, TestLayout.PageSize, ProtRead) != 0)
        {
            throw new InvalidOperationException("mprotect of the read-only test page failed.");
        }

        _code = MapPages(TestLayout.CodeBase, TestLayout.CodeSize, HasExactFaults ? PageAccess.Read | PageAccess.Write | PageAccess.Execute : PageAccess.Read | PageAccess.Execute);
        _image = (byte*)NativeMemory.AlignedAlloc(TestLayout.DataSize, 64);
        _pristine = (byte*)NativeMemory.AlignedAlloc(TestLayout.DataSize, 64);
        _engine = new Engine(_memory, new EngineOptions { Tiering = tier == 0 ? Tiering.Tier0 : Tiering.Tier1, Checked = isChecked });
        _cpu = _engine.CreateVCpu();
    }

    public bool HasExactFaults { get; }

    /// <summary>Makes a program current: its code and its memory image.</summary>
    public void Load(TestProgram program, int lap)
    {
        if (lap != _lap)
        {
            _memory.InvalidateCode(TestLayout.CodeBase, TestLayout.CodeSize);
            new Span<byte>(_code, TestLayout.CodeSize).Clear();
            _lap = lap;
        }

        byte* code = _code + (program.CodeAddress - TestLayout.CodeBase);
        var target = new Span<byte>(code, program.Code.Length);
        if (!target.SequenceEqual(program.Code))
        {
            _memory.InvalidateCode(program.CodeAddress, (ulong)program.Code.Length);
            program.Code.CopyTo(target);
        }

        TestMemory.Fill(_image, program.MemorySeed);
        Buffer.MemoryCopy(_image, _pristine, TestLayout.DataSize, TestLayout.DataSize);
        Buffer.MemoryCopy(_image, _data, TestLayout.DataSize, TestLayout.DataSize);
        _program = program;
    }

    public void Run(CaseInput* input, CaseOutput* output)
    {
        TestMemory.Patch(_data, input);
        TestMemory.Patch(_pristine, input);
        WriteState(&input->State);
        CpuExit exit = _cpu.Run();
        output->Signal = 0;
        output->Trap = output->Error = output->FaultAddress = 0;
        output->ExitIndex = CaseOutput.NoExit;
        ReadState(&output->State);
        Classify(exit, output);
        CollectLines(input, output);
    }

    /// <summary>
    /// Overwrites all code but the current program's. What reads or writes there, at an address nobody chose, finds other
    /// programs' bytes, which are not the same on both sides.
    /// </summary>
    public void FillOtherCode(byte pattern)
    {
        _memory.InvalidateCode(TestLayout.CodeBase, TestLayout.CodeSize);
        new Span<byte>(_code, TestLayout.CodeSize).Fill(pattern);
        _program!.Code.CopyTo(new Span<byte>(_code + (_program.CodeAddress - TestLayout.CodeBase), _program.Code.Length));
    }

    public void Dispose()
    {
        _cpu.Dispose();
        _engine.Dispose();
        NativeMemory.AlignedFree(_image);
        NativeMemory.AlignedFree(_pristine);
        _memory.Dispose();
    }

    private void Classify(CpuExit exit, CaseOutput* output)
    {
        if (exit != CpuExit.Exception)
        {
            output->Signal = uint.MaxValue;
            output->Trap = (ulong)(256 + (int)exit);
            return;
        }

        CpuException exception = _cpu.Exception;
        ulong terminator = _cpu.State->Rip - 1 - _program!.CodeAddress;
        if (exception.Vector == ExceptionVector.Breakpoint && _program.Terminators.IndexOf((int)terminator) is >= 0 and int index)
        {
            output->ExitIndex = (uint)index;
            output->State.Rip = 0;
            return;
        }

        output->Signal = 1;
        output->Trap = (ulong)exception.Vector;
        output->Error = exception.ErrorCode;
        output->FaultAddress = exception.Vector == ExceptionVector.PageFault ? exception.Address : 0;
    }

    private void WriteState(MachineState* from)
    {
        CpuState* to = _cpu.State;
        for (int i = 0; i < 16; i++)
        {
            to->Gpr[i] = from->Gpr[i];
            *(ulong*)(to->Vector + 32 * i) = *(ulong*)MachineState.Xmm(from, i);
            *(ulong*)(to->Vector + 32 * i + 8) = *(ulong*)(MachineState.Xmm(from, i) + 8);
            *(ulong*)(to->Vector + 32 * i + 16) = *(ulong*)MachineState.YmmHigh(from, i);
            *(ulong*)(to->Vector + 32 * i + 24) = *(ulong*)(MachineState.YmmHigh(from, i) + 8);
        }

        to->Rip = from->Rip;
        to->FsBase = from->FsBase;
        to->GsBase = from->GsBase;
        to->WriteFlags(from->Flags);
        to->Mxcsr = from->Mxcsr;
        int top = (from->StatusWord >> 11) & 7;
        to->X87.ControlWord = from->ControlWord;
        to->X87.StatusWord = (ushort)(from->StatusWord & ~0x3800);
        to->X87.Top = top;
        to->X87.ValidMask = from->ValidMask;
        for (int i = 0; i < 8; i++)
        {
            byte* physical = to->X87.Registers + 16 * ((top + i) & 7);
            *(ulong*)physical = *(ulong*)MachineState.St(from, i);
            *(ulong*)(physical + 8) = *(ushort*)(MachineState.St(from, i) + 8);
        }
    }

    private void ReadState(MachineState* to)
    {
        CpuState* from = _cpu.State;
        for (int i = 0; i < 16; i++)
        {
            to->Gpr[i] = from->Gpr[i];
            *(ulong*)MachineState.Xmm(to, i) = *(ulong*)(from->Vector + 32 * i);
            *(ulong*)(MachineState.Xmm(to, i) + 8) = *(ulong*)(from->Vector + 32 * i + 8);
            *(ulong*)MachineState.YmmHigh(to, i) = *(ulong*)(from->Vector + 32 * i + 16);
            *(ulong*)(MachineState.YmmHigh(to, i) + 8) = *(ulong*)(from->Vector + 32 * i + 24);
        }

        to->ComponentsInUse = 7;
        to->Rip = from->Rip;
        to->FsBase = from->FsBase;
        to->GsBase = from->GsBase;
        to->Flags = from->ReadFlags();
        to->Mxcsr = from->Mxcsr;
        int top = from->X87.Top & 7;
        to->ControlWord = from->X87.ControlWord;
        to->StatusWord = (ushort)((from->X87.StatusWord & ~0x3800) | (top << 11));
        to->ValidMask = from->X87.ValidMask;
        for (int i = 0; i < 8; i++)
        {
            byte* physical = from->X87.Registers + 16 * ((top + i) & 7);
            *(ulong*)MachineState.St(to, i) = *(ulong*)physical;
            *(ulong*)(MachineState.St(to, i) + 8) = *(ushort*)(physical + 8);
        }
    }

    /// <summary>Keeps the lines that differ from the patched image, and takes changes and patches back.</summary>
    private void CollectLines(CaseInput* input, CaseOutput* output)
    {
        uint count = 0;
        bool changed = !Line(_data, TestLayout.DataSize).SequenceEqual(Line(_pristine, TestLayout.DataSize));
        for (int offset = 0; changed && offset < TestLayout.DataSize; offset += TestLayout.LineSize)
        {
            ReadOnlySpan<byte> live = Line(_data + offset, TestLayout.LineSize);
            if (live.SequenceEqual(Line(_pristine + offset, TestLayout.LineSize)))
            {
                continue;
            }

            if (count < TestLayout.MaxLines)
            {
                output->LineOffset[count] = (uint)offset;
                live.CopyTo(new Span<byte>(output->Line + TestLayout.LineSize * (int)count, TestLayout.LineSize));
            }

            count++;
            Buffer.MemoryCopy(_image + offset, _data + offset, TestLayout.LineSize, TestLayout.LineSize);
        }

        output->LineCount = count;
        for (int i = 0; i < (int)input->PatchCount; i++)
        {
            ulong offset = input->PatchAddress[i] - TestLayout.DataBase;
            ulong length = Math.Min(TestLayout.LineSize, TestLayout.DataSize - offset);
            Buffer.MemoryCopy(_image + offset, _data + offset, length, length);
            Buffer.MemoryCopy(_image + offset, _pristine + offset, length, length);
        }
    }

    private static ReadOnlySpan<byte> Line(byte* address, int length) => new(address, length);

    private byte* MapPages(ulong address, ulong length, PageAccess access)
    {
        byte* host = _memory.HostBase + address;
        if (Map(host, (nuint)length, ProtReadWrite, MapPrivateAnonymousFixed, -1, 0) != host)
        {
            throw new InvalidOperationException("mmap of the test pages failed.");
        }

        lock (_memory.Gate)
        {
            _memory.SetAccess(address, length, access);
        }

        return host;
    }

    [DllImport("libc", EntryPoint = "mmap")]
    private static extern byte* Map(byte* address, nuint length, int protection, int flags, int fd, long offset);

    [DllImport("libc", EntryPoint = "mprotect")]
    private static extern int Protect(byte* address, nuint length, int protection);
}
