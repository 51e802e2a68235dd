using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Runtime.Callouts;

/// <summary>
/// Pushes to and pops from a stack, the current one or that of another privilege level, without changing RSP until <see cref="Commit"/>: a fault in between
/// leaves the registers as they were.
/// </summary>
internal unsafe ref struct StackCursor
{
    private const int Rsp = 4;

    private readonly CpuState* _cpu;
    private readonly ulong _base;
    private readonly uint _limit;
    private readonly int _attributes;
    private readonly uint _error;
    private readonly bool _isLong;
    private readonly bool _supervisor;

    private StackCursor(CpuState* cpu, ulong stackBase, uint limit, int attributes, ulong pointer, uint error, bool supervisor)
    {
        _cpu = cpu;
        _base = stackBase;
        _limit = limit;
        _attributes = attributes;
        _error = error;
        _supervisor = supervisor;
        Mask = (attributes & SegmentAttributes.Big) != 0 ? uint.MaxValue : ushort.MaxValue;
        Pointer = pointer & Mask;
    }

    private StackCursor(CpuState* cpu, ulong pointer, uint error, bool supervisor)
    {
        _cpu = cpu;
        _error = error;
        _supervisor = supervisor;
        _isLong = true;
        Mask = ulong.MaxValue;
        Pointer = pointer;
    }

    /// <summary>Offset of the top of the stack.</summary>
    public ulong Pointer { get; private set; }

    /// <summary>The part of RSP that counts.</summary>
    public ulong Mask { get; }

    /// <summary>The stack in use, with the rights of the current privilege level.</summary>
    public static StackCursor Current(CpuState* cpu, uint external = 0)
    {
        ulong rsp = cpu->Gpr[Rsp];
        return CpuMode.Is64Bit(cpu)
            ? new StackCursor(cpu, rsp, external, false)
            : new StackCursor(cpu, cpu->System.Bases[(int)SegmentIndex.Ss], cpu->System.Limits[(int)SegmentIndex.Ss], cpu->System.Attributes[(int)SegmentIndex.Ss], rsp, external, false);
    }

    /// <summary>A stack in long mode.</summary>
    public static StackCursor Long(CpuState* cpu, ulong pointer, bool supervisor, uint error) => new(cpu, pointer, error, supervisor);

    /// <summary>The stack of another privilege level in protected mode.</summary>
    public static StackCursor Other(CpuState* cpu, Descriptor segment, ulong pointer, bool supervisor, uint error) =>
        new(cpu, segment.Base, segment.Limit, segment.Attributes, pointer, error, supervisor);

    public void Push(ulong value, int bytes)
    {
        ulong pointer = (Pointer - (uint)bytes) & Mask;
        PagedMemory.Write(_cpu, Linear(pointer, bytes), bytes, value, _supervisor);
        Pointer = pointer;
    }

    public ulong Pop(int bytes)
    {
        ulong value = PagedMemory.Read(_cpu, Linear(Pointer, bytes), bytes, _supervisor);
        Pointer = (Pointer + (uint)bytes) & Mask;
        return value;
    }

    /// <summary>Reads above the top without popping.</summary>
    public readonly ulong Peek(int distance, int bytes) => PagedMemory.Read(_cpu, Linear((Pointer + (uint)distance) & Mask, bytes), bytes, _supervisor);

    /// <summary>Reads at an offset in the stack's segment.</summary>
    public readonly ulong ReadAt(ulong offset, int bytes) => PagedMemory.Read(_cpu, Linear(offset & Mask, bytes), bytes, _supervisor);

    /// <summary>Raises what a write at the top would.</summary>
    public readonly void CheckWritable(int bytes) => SystemMemory.CheckWrite(_cpu, Linear(Pointer, bytes), bytes, _supervisor);

    public void Skip(uint bytes) => Pointer = (Pointer + (ulong)(int)bytes) & Mask;

    /// <summary>Makes the top of the stack RSP.</summary>
    public readonly void Commit() => SetPointer(_cpu, Pointer, Mask);

    /// <summary>Writes the part of RSP that a stack of this width uses.</summary>
    public static void SetPointer(CpuState* cpu, ulong pointer, ulong mask) =>
        cpu->Gpr[Rsp] = mask == ushort.MaxValue ? (cpu->Gpr[Rsp] & ~mask) | (pointer & mask) : pointer & mask;

    private readonly ulong Linear(ulong offset, int bytes)
    {
        if (_isLong)
        {
            if (SystemSemantics.IsNonCanonical(offset))
            {
                GuestAccess.Raise(ExceptionVector.StackFault, _error);
            }

            return offset;
        }

        if (!SegmentLimits.Contains(_limit, _attributes, offset, bytes))
        {
            GuestAccess.Raise(ExceptionVector.StackFault, _error);
        }

        return (uint)(_base + offset);
    }
}
