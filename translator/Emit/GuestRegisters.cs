using System.Reflection;
using System.Reflection.Emit;
using System.Runtime.Intrinsics;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Emit;

/// <summary>
/// The guest registers a region keeps in IL locals: general registers and flag variables as 64-bit integers,
/// vector registers as 128 or 256 bits, whichever the region needs. The rest of the CPU state stays in memory.
/// </summary>
public sealed class GuestRegisters
{
    private const int GprCount = 16;
    private const int FlagCount = 6;
    private const int Count = GprCount + FlagCount + GprCount;
    private const int FirstVector = GprCount + FlagCount;

    private static readonly MethodInfo s_getInt = IlTypes.Element(nameof(Vector128.GetElement), typeof(uint));
    private static readonly MethodInfo s_getLong = IlTypes.Element(nameof(Vector128.GetElement), typeof(ulong));
    private static readonly MethodInfo s_withInt = IlTypes.Element(nameof(Vector128.WithElement), typeof(uint));
    private static readonly MethodInfo s_withLong = IlTypes.Element(nameof(Vector128.WithElement), typeof(ulong));

    private static readonly string[] s_names =
        ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "zf", "sf", "pf", "cf", "of", "af"];

    private readonly IlWriter _il;
    private readonly LocalBuilder?[] _locals = new LocalBuilder?[Count];
    private readonly bool[] _isWide = new bool[Count];

    /// <summary>Plans the locals for the operations that are used.</summary>
    public GuestRegisters(IlWriter il, IEnumerable<(ReadOnlyMemory<IrInstruction> Code, int[] Used)> blocks)
    {
        _il = il;
        bool[] present = new bool[Count];
        foreach ((ReadOnlyMemory<IrInstruction> code, int[] used) in blocks)
        {
            ReadOnlySpan<IrInstruction> span = code.Span;
            for (int i = 0; i < span.Length; i++)
            {
                if (used[i] > 0 && span[i].Opcode is IrOpcode.Get or IrOpcode.Set && IndexOf(span[i].State.Offset) is int index and >= 0)
                {
                    present[index] = true;
                    _isWide[index] |= index >= FirstVector && (span[i].Width == 256 || VectorByte(span[i].State.Offset) >= 16);
                }
            }
        }

        for (int index = 0; index < Count; index++)
        {
            if (present[index])
            {
                _locals[index] = il.NewLocal(IlTypes.Of(TypeOf(index)), NameOf(index));
            }
        }
    }

    /// <summary>What the guest's assembly calls a register.</summary>
    public static string NameOf(int index) => index >= FirstVector ? $"ymm{index - FirstVector}" : s_names[index];

    /// <summary>The number of the register at a state offset, or −1 when that place is not kept in a local.</summary>
    public static int IndexOf(int offset)
    {
        if (offset is >= CpuState.GprOffset and < CpuState.GprOffset + 8 * GprCount)
        {
            return (offset - CpuState.GprOffset) / 8;
        }

        if (offset is >= CpuState.FlagZOffset and < CpuState.FlagDOffset)
        {
            return GprCount + (offset - CpuState.FlagZOffset) / 8;
        }

        return offset is >= CpuState.VectorOffset and < CpuState.VectorOffset + 32 * GprCount
            ? FirstVector + (offset - CpuState.VectorOffset) / 32
            : -1;
    }

    /// <summary>
    /// The registers, as a set of their numbers, that an operation reads, writes, and writes without keeping any part of
    /// what was there.
    /// </summary>
    public void Effects(in IrInstruction op, out ulong read, out ulong written, out ulong replaced)
    {
        int index = op.Opcode is IrOpcode.Get or IrOpcode.Set ? IndexOf(op.State.Offset) : -1;
        ulong bit = index >= 0 ? 1ul << index : 0;
        bool isWhole = index >= 0 && op.Width == WidthOf(index);
        read = op.Opcode == IrOpcode.Get || !isWhole ? bit : 0;
        written = op.Opcode == IrOpcode.Set ? bit : 0;
        replaced = isWhole ? written : 0;
    }

    /// <summary>The register at a state offset, as a set; empty when that place is not kept in a local.</summary>
    public static ulong SetOf(int offset) => IndexOf(offset) is int index and >= 0 ? 1ul << index : 0;

    /// <summary>Loads registers from the CPU state.</summary>
    public void Load(ulong registers)
    {
        for (int index = 0; index < Count; index++)
        {
            if ((registers >> index & 1) != 0)
            {
                PushStateAddress(OffsetOf(index));
                _il.LoadIndirect(WidthOf(index), false);
                _il.StoreLocal(_locals[index]!, TypeOf(index));
            }
        }
    }

    /// <summary>Stores registers to the CPU state.</summary>
    public void Store(ulong registers)
    {
        for (int index = 0; index < Count; index++)
        {
            if ((registers >> index & 1) != 0)
            {
                PushStateAddress(OffsetOf(index));
                _il.ToPointer();
                _il.LoadLocal(_locals[index]!, TypeOf(index));
                _il.StoreIndirect(WidthOf(index), false);
            }
        }
    }

    public void PushStateAddress(int offset)
    {
        _il.Argument(0, IrType.I64);
        if (offset != 0)
        {
            _il.Constant(offset, IrType.I64);
            _il.Binary(OpCodes.Add, IrType.I64);
        }
    }

    /// <summary>Pushes the low or addressed <paramref name="width"/> bits at a register's offset.</summary>
    public void Get(int offset, int width)
    {
        int index = IndexOf(offset);
        LocalBuilder local = _locals[index]!;
        if (index >= FirstVector)
        {
            GetVector(index, VectorByte(offset), width);
            return;
        }

        _il.LoadLocal(local, IrType.I64);
        int shift = 8 * (offset % 8);
        if (shift != 0)
        {
            _il.Constant(shift, IrType.I32);
            _il.Shift(OpCodes.Shr_Un, IrType.I64);
        }

        switch (width)
        {
            case 8:
                _il.Unary(OpCodes.Conv_U1, IrType.I64, IrType.I32);
                break;
            case 16:
                _il.Unary(OpCodes.Conv_U2, IrType.I64, IrType.I32);
                break;
            case 32:
                _il.Unary(OpCodes.Conv_U4, IrType.I64, IrType.I32);
                break;
        }
    }

    /// <summary>Writes the value <paramref name="push"/> pushes into the addressed bits of a register.</summary>
    public void Set(int offset, int width, Action push)
    {
        int index = IndexOf(offset);
        LocalBuilder local = _locals[index]!;
        if (index >= FirstVector)
        {
            SetVector(index, VectorByte(offset), width, push);
            return;
        }

        if (width == 64)
        {
            push();
            _il.StoreLocal(local, IrType.I64);
            return;
        }

        int shift = 8 * (offset % 8);
        long mask = ((1L << width) - 1) << shift;
        _il.LoadLocal(local, IrType.I64);
        _il.Constant(~mask, IrType.I64);
        _il.Binary(OpCodes.And, IrType.I64);
        push();
        _il.Unary(width == 8 ? OpCodes.Conv_U1 : width == 16 ? OpCodes.Conv_U2 : OpCodes.Conv_U4, IrType.I32, IrType.I32);
        _il.Unary(OpCodes.Conv_U8, IrType.I32, IrType.I64);
        if (shift != 0)
        {
            _il.Constant(shift, IrType.I32);
            _il.Shift(OpCodes.Shl, IrType.I64);
        }

        _il.Binary(OpCodes.Or, IrType.I64);
        _il.StoreLocal(local, IrType.I64);
    }

    private void GetVector(int index, int start, int width)
    {
        _il.LoadLocal(_locals[index]!, TypeOf(index));
        if (width == 256)
        {
            return;
        }

        if (_isWide[index])
        {
            _il.Call(start >= 16 ? IlTypes.Upper : IlTypes.Lower, [IrType.V256], IrType.V128);
        }

        if (width == 128)
        {
            return;
        }

        int inHalf = start & 15;
        Reinterpret(typeof(Vector128<>), width == 64 ? typeof(ulong) : typeof(uint), true);
        _il.Constant(inHalf / (width == 64 ? 8 : 4), IrType.I32);
        _il.Call(width == 64 ? s_getLong : s_getInt, [IrType.V128, IrType.I32], width == 64 ? IrType.I64 : IrType.I32);
        if (width < 32)
        {
            _il.Constant(8 * (inHalf % 4), IrType.I32);
            _il.Shift(OpCodes.Shr_Un, IrType.I32);
            _il.Unary(width == 8 ? OpCodes.Conv_U1 : OpCodes.Conv_U2, IrType.I32, IrType.I32);
        }
    }

    private void SetVector(int index, int start, int width, Action push)
    {
        LocalBuilder local = _locals[index]!;
        IrType type = TypeOf(index);
        if (width < 32)
        {
            throw new NotSupportedException("partial vector writes of less than 32 bits");
        }

        if (width == 256 || (width == 128 && !_isWide[index]))
        {
            push();
            _il.StoreLocal(local, type);
            return;
        }

        if (_isWide[index])
        {
            _il.LoadLocal(local, IrType.V256);
        }

        if (width == 128)
        {
            push();
        }
        else
        {
            GetVector(index, start & 16, 128);
            Type element = width == 64 ? typeof(ulong) : typeof(uint);
            Reinterpret(typeof(Vector128<>), element, true);
            _il.Constant((start & 15) / (width / 8), IrType.I32);
            push();
            _il.Call(width == 64 ? s_withLong : s_withInt, [IrType.V128, IrType.I32, width == 64 ? IrType.I64 : IrType.I32], IrType.V128);
            Reinterpret(typeof(Vector128<>), element, false);
        }

        if (_isWide[index])
        {
            _il.Call(start >= 16 ? IlTypes.WithUpper : IlTypes.WithLower, [IrType.V256, IrType.V128], IrType.V256);
        }

        _il.StoreLocal(local, type);
    }

    private void Reinterpret(Type definition, Type element, bool fromBytes) =>
        _il.Call(IlTypes.Reinterpret(definition.MakeGenericType(element), fromBytes)!, [IrType.V128], IrType.V128);

    private static int VectorByte(int offset) => (offset - CpuState.VectorOffset) % 32;

    private static int OffsetOf(int index) => index < GprCount
        ? CpuState.GprOffset + 8 * index
        : index < FirstVector ? CpuState.FlagZOffset + 8 * (index - GprCount) : CpuState.VectorOffset + 32 * (index - FirstVector);

    private IrType TypeOf(int index) => index < FirstVector ? IrType.I64 : _isWide[index] ? IrType.V256 : IrType.V128;

    private int WidthOf(int index) => index < FirstVector ? 64 : _isWide[index] ? 256 : 128;
}
