using Iced.Intel;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Translator.Decode;
using Jitvmm.Translator.Ir;

namespace Jitvmm.Translator.Lift;

/// <summary>
/// Reads and writes an instruction's operands as IR. The same lifts serve two purposes: with known operands
/// they make the IR of one guest instruction; with <see cref="IsSymbolic"/> the registers, immediates and
/// addresses are fields of a tier-0 record, and the IR is that of a handler for the whole form.
/// </summary>
public sealed class Operands(IrBuilder builder)
{
    /// <summary>Record slots after the four operand registers.</summary>
    public const int BaseSlot = 4;
    public const int IndexSlot = 5;
    public const int SegmentSlot = 6;

    private Instruction _instruction;
    private AddressForm _addressForm;
    private Value _address;
    private Value _offset;

    /// <summary>How a symbolic handler computes its effective address.</summary>
    public enum AddressForm
    {
        /// <summary>The instruction's own operands are known.</summary>
        Known,

        /// <summary>base + displacement.</summary>
        BaseDisplacement,

        /// <summary>((base + (index &lt;&lt; scale) + displacement) &amp; mask) + segment base.</summary>
        General,

        /// <summary>As <see cref="General"/>, cut to 32 bits: code outside 64-bit mode.</summary>
        Legacy,
    }

    public bool IsSymbolic => _addressForm != AddressForm.Known;

    /// <summary>Whether the instruction is one of 16- or 32-bit code.</summary>
    public bool IsLegacy => _addressForm == AddressForm.Legacy;

    public ref readonly Instruction Instruction => ref _instruction;

    public void Begin(in Instruction instruction, AddressForm form)
    {
        _instruction = instruction;
        _addressForm = form;
        _address = Value.None;
        _offset = Value.None;
    }

    /// <summary>Address of the instruction after this one.</summary>
    public Value NextAddress => IsSymbolic ? builder.Field(OpField.NextAddress) : builder.Constant((long)_instruction.NextIP);

    public Value ThisAddress => IsSymbolic ? builder.Field(OpField.Address) : builder.Constant((long)_instruction.IP);

    public Value BranchTarget => IsSymbolic ? builder.Field(OpField.BranchTarget) : builder.Constant((long)_instruction.NearBranchTarget);

    public bool IsMemory(int operand) => _instruction.GetOpKind(operand) == OpKind.Memory;

    public bool IsRegister(int operand) => _instruction.GetOpKind(operand) == OpKind.Register;

    /// <summary>Where register operand <paramref name="operand"/> lives.</summary>
    public StateRef Register(int operand)
    {
        if (IsSymbolic && IsEncoded(operand))
        {
            return StateRef.FromSlot(operand);
        }

        return new StateRef(OffsetOf(_instruction.GetOpRegister(operand)));
    }

    /// <summary>Where the selector of segment register operand <paramref name="operand"/> lives.</summary>
    public StateRef Selector(int operand) => IsSymbolic ? StateRef.FromSlot(operand) : new StateRef(SelectorOffset(_instruction.GetOpRegister(operand)));

    /// <summary>The same place as a number, for callouts.</summary>
    public Value SelectorPlace(int operand) => IsSymbolic
        ? builder.Field(OpField.Register0 + operand, IrType.I32)
        : builder.Constant32(SelectorOffset(_instruction.GetOpRegister(operand)));

    /// <summary>Number of a control or debug register operand.</summary>
    public Value RegisterNumber(int operand) => IsSymbolic
        ? builder.Field(OpField.Register0 + operand, IrType.I32)
        : builder.Constant32(_instruction.GetOpRegister(operand).GetNumber());

    public static int SelectorOffset(Register register) => CpuState.SelectorOffset(register - Iced.Intel.Register.ES);

    /// <summary>Whether the register is chosen by the encoding, not fixed by the opcode.</summary>
    public bool IsEncoded(int operand) => IsEncoded(CodeFacts.OperandKind(_instruction.Code, operand));

    public static bool IsEncoded(OpCodeOperandKind kind) => kind switch
    {
        OpCodeOperandKind.al or OpCodeOperandKind.cl or OpCodeOperandKind.ax or OpCodeOperandKind.dx or OpCodeOperandKind.eax
            or OpCodeOperandKind.rax or OpCodeOperandKind.st0 or OpCodeOperandKind.es or OpCodeOperandKind.cs
            or OpCodeOperandKind.ss or OpCodeOperandKind.ds or OpCodeOperandKind.fs or OpCodeOperandKind.gs
            or OpCodeOperandKind.seg_reg or OpCodeOperandKind.sti_opcode or OpCodeOperandKind.cr_reg or OpCodeOperandKind.dr_reg => false,
        _ => true,
    };

    /// <summary>Byte offset of a register in <see cref="CpuState"/>.</summary>
    public static int OffsetOf(Register register)
    {
        // GetFullRegister widens a gather's index to ZMM; its number is what counts.
        if (register.IsVectorRegister())
        {
            return CpuState.VectorOffset + 32 * register.GetNumber();
        }

        if (register.IsMM())
        {
            return CpuState.X87Offset + 16 * register.GetNumber();
        }

        if (register is >= Iced.Intel.Register.AH and <= Iced.Intel.Register.BH)
        {
            return CpuState.GprOffset + 8 * (register - Iced.Intel.Register.AH) + 1;
        }

        if (register.IsGPR())
        {
            // The 8-bit names count AH to BH between BL and SPL.
            return CpuState.GprOffset + 8 * register.GetFullRegister().GetNumber();
        }

        return register switch
        {
            Iced.Intel.Register.None => CpuState.ZeroOffset,
            Iced.Intel.Register.FS => CpuState.FsBaseOffset,
            Iced.Intel.Register.GS => CpuState.GsBaseOffset,
            _ => throw new ArgumentOutOfRangeException(nameof(register), register, "not a general, vector or segment register"),
        };
    }

    /// <summary>Width in bits of operand <paramref name="operand"/>.</summary>
    public int Width(int operand) => _instruction.GetOpKind(operand) switch
    {
        OpKind.Register => _instruction.GetOpRegister(operand).GetSize() * 8,
        OpKind.Memory => _instruction.MemorySize.GetSize() * 8,
        OpKind.Immediate8 => 8,
        OpKind.Immediate8to16 or OpKind.Immediate16 => 16,
        OpKind.Immediate8to32 or OpKind.Immediate32 => 32,
        _ => 64,
    };

    /// <summary>The operand as an integer of its own width, zero-extended into its IR type.</summary>
    public Value Read(int operand) => Read(operand, Width(operand));

    public Value Read(int operand, int width)
    {
        switch (_instruction.GetOpKind(operand))
        {
            case OpKind.Register:
                return builder.Get(Register(operand), width);
            case OpKind.Memory:
                return builder.Load(Address(), width);
            default:
                return Immediate(operand, width);
        }
    }

    /// <summary>Writes a result; a 32-bit register write clears the upper half (SDM vol. 1, 3.4.1.1).</summary>
    public void Write(int operand, Value value) => Write(operand, Width(operand), value);

    public void Write(int operand, int width, Value value)
    {
        if (IsMemory(operand))
        {
            builder.Store(Address(), width, value);
        }
        else
        {
            WriteRegister(Register(operand), width, value);
        }
    }

    public void WriteRegister(StateRef register, int width, Value value)
    {
        if (width == 32)
        {
            builder.Set(register, 64, builder.ZeroExtend(value));
        }
        else
        {
            builder.Set(register, width, value);
        }
    }

    public Value ReadRegister(Register register) => builder.Get(OffsetOf(register), register.GetSize() * 8);

    public void WriteRegister(Register register, Value value) => WriteRegister(new StateRef(OffsetOf(register)), register.GetSize() * 8, value);

    /// <summary>An immediate, sign-extended as the encoding says, cut to <paramref name="width"/> bits.</summary>
    public Value Immediate(int operand, int width)
    {
        IrType type = width <= 32 ? IrType.I32 : IrType.I64;
        if (IsSymbolic)
        {
            return builder.Field(OpField.Immediate, type);
        }

        return builder.Constant(CutImmediate(_instruction.GetImmediate(operand), width), type);
    }

    public static long CutImmediate(ulong value, int width) => width >= 64 ? (long)value : (long)(value & ((1ul << width) - 1));

    /// <summary>The effective address of the memory operand, segment base included.</summary>
    public Value Address()
    {
        if (_address.IsNone)
        {
            _address = _addressForm switch
            {
                AddressForm.Known => KnownAddress(true),
                AddressForm.BaseDisplacement => SymbolicSimple(),
                AddressForm.Legacy => LegacyAddress(SymbolicOffset(), StateRef.FromSlot(SegmentSlot)),
                _ => builder.Add(SymbolicOffset(), builder.Get(StateRef.FromSlot(SegmentSlot), 64)),
            };
        }

        return _address;
    }

    /// <summary>The address a distance beyond the operand's, wrapping as the address size does.</summary>
    public Value AddressAt(Value distance)
    {
        ref readonly Instruction i = ref _instruction;
        Value offset = builder.Add(Offset(), distance);
        switch (_addressForm)
        {
            case AddressForm.BaseDisplacement:
                return offset;
            case AddressForm.Legacy:
                return LegacyAddress(builder.And(offset, builder.Field(OpField.AddressMask)), StateRef.FromSlot(SegmentSlot));
            case AddressForm.General:
                return builder.Add(builder.And(offset, builder.Field(OpField.AddressMask)), builder.Get(StateRef.FromSlot(SegmentSlot), 64));
            default:
                offset = IsNarrow(i) ? builder.ZeroExtend(builder.Truncate(offset)) : offset;
                return i.MemorySegment is Iced.Intel.Register.FS or Iced.Intel.Register.GS ? builder.Add(offset, builder.Get(OffsetOf(i.MemorySegment), 64)) : offset;
        }
    }

    /// <summary>Linear address of an offset in a legacy segment, which wraps at 4 GiB.</summary>
    public Value LegacyAddress(Value offset, StateRef segmentBase) =>
        builder.ZeroExtend(builder.Truncate(builder.Add(offset, builder.Get(segmentBase, 64))));

    /// <summary>In legacy code: the part of RSP that is the stack pointer. Its place in the record is what the instruction leaves free.</summary>
    public Value StackMask => builder.Field(HasMemory(_instruction) ? OpField.Immediate : OpField.Displacement);

    /// <summary>Selector of a far pointer in the instruction.</summary>
    public Value FarSelector => IsSymbolic
        ? builder.Truncate(builder.ShiftRight(builder.Field(OpField.Immediate), 32))
        : builder.Constant32(_instruction.FarBranchSelector);

    public Value FarOffset => IsSymbolic
        ? builder.Mask(builder.Field(OpField.Immediate), uint.MaxValue)
        : builder.Constant(FarTarget(_instruction));

    public static uint FarTarget(in Instruction instruction) => instruction.Op0Kind == OpKind.FarBranch16 ? instruction.FarBranch16 : instruction.FarBranch32;

    public static bool HasMemory(in Instruction instruction)
    {
        for (int operand = 0; operand < instruction.OpCount; operand++)
        {
            if (instruction.GetOpKind(operand) == OpKind.Memory)
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsNarrow(in Instruction i) => i.MemoryBase.GetSize() == 4 || i.MemoryIndex.GetSize() == 4 || i.MemoryDisplSize == 4;

    /// <summary>The address without its segment base, as LEA wants it.</summary>
    public Value Offset() => _addressForm switch
    {
        AddressForm.Known => KnownAddress(false),
        AddressForm.BaseDisplacement => SymbolicSimple(),
        _ => SymbolicOffset(),
    };

    /// <summary>Byte offset of a register operand in the state, for methods that take registers by place.</summary>
    public Value RegisterOffset(int operand) => IsSymbolic
        ? builder.Field(OpField.Register0 + operand, IrType.I32)
        : builder.Constant32(OffsetOf(_instruction.GetOpRegister(operand)));

    /// <summary>The same for the index register of a vector of addresses.</summary>
    public Value IndexOffset => IsSymbolic ? builder.Field(OpField.Index, IrType.I32) : builder.Constant32(OffsetOf(_instruction.MemoryIndex));

    public Value IndexScale => IsSymbolic
        ? builder.Field(OpField.Scale, IrType.I32)
        : builder.Constant32(System.Numerics.BitOperations.Log2((uint)_instruction.MemoryIndexScale));

    /// <summary>Base and displacement of a vector of addresses.</summary>
    public Value BaseAddress
    {
        get
        {
            if (IsSymbolic)
            {
                return SymbolicSimple();
            }

            Value displacement = builder.Constant((long)_instruction.MemoryDisplacement64);
            return _instruction.MemoryBase == Iced.Intel.Register.None
                ? displacement
                : builder.Add(builder.Get(OffsetOf(_instruction.MemoryBase.GetFullRegister()), 64), displacement);
        }
    }

    /// <summary>What an address is cut by before the segment base is added.</summary>
    public Value AddressMask => IsSymbolic
        ? builder.Field(OpField.AddressMask)
        : builder.Constant(HasNarrowAddress(_instruction) ? uint.MaxValue : -1);

    public Value SegmentBase
    {
        get
        {
            if (IsSymbolic)
            {
                return builder.Get(StateRef.FromSlot(SegmentSlot), 64);
            }

            Register segment = _instruction.MemorySegment;
            return segment is Iced.Intel.Register.FS or Iced.Intel.Register.GS ? builder.Get(OffsetOf(segment), 64) : builder.Constant(0);
        }
    }

    /// <summary>Whether an address-size prefix cuts addresses to 32 bits.</summary>
    public static bool HasNarrowAddress(in Instruction i) =>
        i.MemoryBase.GetSize() == 4 || i.MemoryIndex.GetSize() == 4 || i.MemoryDisplSize == 4 || i.Op0Kind == OpKind.MemorySegEDI;

    private Value SymbolicSimple() => builder.Add(builder.Get(StateRef.FromSlot(BaseSlot), 64), builder.Field(OpField.Displacement));

    private Value SymbolicOffset()
    {
        if (_offset.IsNone)
        {
            Value index = _instruction.MemoryIndex == Iced.Intel.Register.AL
                ? builder.ZeroExtend(ReadRegister(Iced.Intel.Register.AL))
                : builder.ShiftLeft(builder.Get(StateRef.FromSlot(IndexSlot), 64), builder.Field(OpField.Scale, IrType.I32));
            _offset = builder.And(builder.Add(SymbolicSimple(), index), builder.Field(OpField.AddressMask));
        }

        return _offset;
    }

    private Value KnownAddress(bool withSegment)
    {
        ref readonly Instruction i = ref _instruction;
        bool narrow = HasNarrowAddress(i);
        Value sum;
        if (i.IsIPRelativeMemoryOperand)
        {
            sum = builder.Constant((long)i.IPRelativeMemoryAddress);
        }
        else if (i.Op0Kind is OpKind.MemorySegRDI or OpKind.MemorySegEDI)
        {
            sum = builder.Get(OffsetOf(Iced.Intel.Register.RDI), 64);
            sum = narrow ? builder.ZeroExtend(builder.Truncate(sum)) : sum;
        }
        else
        {
            Value displacement = builder.Constant((long)i.MemoryDisplacement64);
            sum = displacement;
            if (i.MemoryBase != Iced.Intel.Register.None)
            {
                Value baseValue = builder.Get(OffsetOf(i.MemoryBase.GetFullRegister()), 64);
                sum = builder.Add(baseValue, displacement);
            }

            if (i.MemoryIndex != Iced.Intel.Register.None)
            {
                Value index = i.MemoryIndex == Iced.Intel.Register.AL
                    ? builder.ZeroExtend(ReadRegister(Iced.Intel.Register.AL))
                    : builder.Get(OffsetOf(i.MemoryIndex.GetFullRegister()), 64);
                index = builder.ShiftLeft(index, System.Numerics.BitOperations.Log2((uint)i.MemoryIndexScale));
                bool bare = i.MemoryBase == Iced.Intel.Register.None;
                sum = bare ? builder.Add(index, displacement) : builder.Add(sum, index);
            }

            if (narrow)
            {
                sum = builder.ZeroExtend(builder.Truncate(sum));
            }
        }

        if (withSegment && i.MemorySegment is Iced.Intel.Register.FS or Iced.Intel.Register.GS)
        {
            sum = builder.Add(sum, builder.Get(OffsetOf(i.MemorySegment), 64));
        }

        return sum;
    }
}
