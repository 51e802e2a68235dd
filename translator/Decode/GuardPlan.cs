using Iced.Intel;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Translator.Handlers;
using Jitvmm.Translator.Lift;

namespace Jitvmm.Translator.Decode;

/// <summary>Which guards stand before the instructions of a block: what its <see cref="CodeMode"/> says must be looked at (see <c>GuardHandlers</c>).</summary>
/// <remarks>
/// FS and GS of 16- and 32-bit code are seldom flat and often null, so their accesses are looked at in every mode. Not looked at: the elements of gathers and masked
/// moves, and the stack of PUSHA, POPA, ENTER and far transfers, whose callouts do it themselves.
/// </remarks>
internal sealed unsafe class GuardPlan(HandlerSet handlers)
{
    private const CodeMode Accesses = CodeMode.CheckedSegments | CodeMode.CheckedAlignment;
    private const int XsaveBytes = 832;
    private const int FxsaveBytes = 512;

    private readonly List<TbOp> _guards = [];
    private readonly int[] _ends = new int[BlockDecoder.MaxInstructions];
    private readonly InstructionInfoFactory _facts = new();
    private CodeMode _mode;
    private uint _stackMask;

    /// <summary>Records needed for the whole block.</summary>
    public int Count => _guards.Count;

    /// <summary>Plans a block.</summary>
    public void Make(CodeMode mode, ReadOnlySpan<Instruction> instructions)
    {
        _guards.Clear();
        if (mode == CodeMode.Long)
        {
            _ends.AsSpan(0, instructions.Length).Clear();
            return;
        }

        _mode = mode;
        _stackMask = (mode & CodeMode.WideStack) != 0 ? uint.MaxValue : ushort.MaxValue;
        for (int i = 0; i < instructions.Length; i++)
        {
            ref readonly Instruction instruction = ref instructions[i];
            AddBreakpoint(instruction);
            AddUnit(instruction);
            if ((mode & Accesses) != 0 || ((mode & CodeMode.Long) == 0 && instruction.SegmentPrefix is Register.FS or Register.GS))
            {
                AddAccesses(instruction);
            }

            _ends[i] = _guards.Count;
        }
    }

    /// <summary>Whether an instruction has a guard of its own.</summary>
    public bool Has(int instruction) => _ends[instruction] != (instruction == 0 ? 0 : _ends[instruction - 1]);

    /// <summary>Writes the guards of one instruction; where the instruction itself goes.</summary>
    public TbOp* Write(TbOp* op, int instruction)
    {
        for (int i = instruction == 0 ? 0 : _ends[instruction - 1]; i < _ends[instruction]; i++)
        {
            *op++ = _guards[i];
        }

        return op;
    }

    /// <summary>The guard at a block's head, in a mode with limits.</summary>
    public void WriteLimit(TbOp* op, ulong address, ulong end)
    {
        op->Address = address;
        op->R0 = (_mode & CodeMode.Single) != 0 ? (ushort)1 : (ushort)0;
        op->Displacement = end - 1;
        SetHandler(op, handlers.GuardLimit);
    }

    private void AddBreakpoint(in Instruction instruction)
    {
        if ((_mode & CodeMode.CheckedBreakpoints) == 0)
        {
            return;
        }

        TbOp guard = default;
        guard.Address = instruction.IP;
        SetHandler(&guard, handlers.GuardBreakpoint);
        _guards.Add(guard);
    }

    private void AddUnit(in Instruction instruction)
    {
        if ((_mode & (CodeMode.CheckedUnits | CodeMode.CheckedAvx)) == 0 && (_mode & CodeMode.Long) != 0)
        {
            return;
        }

        ProcessorUnit unit = InstructionUnits.Of(instruction);
        if (!IsGuarded(_mode, unit))
        {
            return;
        }

        TbOp guard = default;
        guard.Address = instruction.IP;
        guard.Immediate = (ulong)unit;
        SetHandler(&guard, handlers.GuardUnit);
        _guards.Add(guard);
    }

    /// <summary>Whether the mode leaves open if an instruction may have its unit. VEX encodings also depend on real and virtual-8086 mode.</summary>
    public static bool IsGuarded(CodeMode mode, ProcessorUnit unit) => unit switch
    {
        ProcessorUnit.None => false,
        ProcessorUnit.Avx => (mode & CodeMode.CheckedAvx) != 0 || (mode & CodeMode.Long) == 0,
        ProcessorUnit.ExtendedState => (mode & CodeMode.CheckedAvx) != 0,
        ProcessorUnit.VexGeneral => (mode & CodeMode.Long) == 0,
        _ => (mode & CodeMode.CheckedUnits) != 0,
    };

    private void AddAccesses(in Instruction instruction)
    {
        if (instruction.IsStringInstruction)
        {
            AddString(instruction);
            return;
        }

        if (Operands.HasMemory(instruction) || instruction.Op0Kind is OpKind.MemorySegDI or OpKind.MemorySegEDI or OpKind.MemorySegRDI)
        {
            AddOperand(instruction);
        }

        AddStack(instruction);
    }

    private void AddOperand(in Instruction instruction)
    {
        int operand = 0;
        while (!IsMemory(instruction.GetOpKind(operand)))
        {
            operand++;
        }

        OpAccess use = _facts.GetInfo(instruction).GetOpAccess(operand);
        if (use is OpAccess.NoMemAccess or OpAccess.None || instruction.IsVsib)
        {
            return;
        }

        bool write = use is OpAccess.Write or OpAccess.CondWrite or OpAccess.ReadWrite or OpAccess.ReadCondWrite;
        int bytes = BytesOf(instruction);
        TbOp guard = default;
        Fill(&guard, instruction);
        if (instruction.Mnemonic == Mnemonic.Pop && instruction.MemoryBase.GetFullRegister() == Register.RSP)
        {
            // The address is that after the pop (SDM vol. 2B, POP).
            guard.Displacement += (uint)instruction.StackPointerIncrement;
        }

        bool isBitString = instruction.Mnemonic is Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc && instruction.Op1Kind == OpKind.Register;
        Add(guard, instruction.MemorySegment, new GuardedAccess(IndexOf(instruction.MemorySegment), bytes, write)
        {
            HasByteIndex = instruction.MemoryIndex == Register.AL,
            BitWidth = isBitString ? bytes * 8 : 0,
            Alignment = AlignmentOf(instruction, bytes),
        });
    }

    /// <summary>Operand fields as the instruction's own record has them. XLAT's index is named here.</summary>
    private void Fill(TbOp* guard, in Instruction instruction)
    {
        if ((_mode & CodeMode.Long) != 0)
        {
            HandlerForms.Fill(guard, instruction);
        }
        else
        {
            HandlerForms.FillLegacy(guard, instruction, _stackMask);
        }

        if (instruction.MemoryIndex == Register.AL)
        {
            guard->Index = (ushort)Operands.OffsetOf(Register.AL);
        }
    }

    /// <summary>What an instruction pushes or pops by itself.</summary>
    private void AddStack(in Instruction instruction)
    {
        int change = instruction.StackPointerIncrement;
        Register pointer = Register.RSP;
        bool write = change < 0;
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Push or Mnemonic.Pushf or Mnemonic.Pushfd or Mnemonic.Pushfq or Mnemonic.Pop or Mnemonic.Popf or Mnemonic.Popfd or Mnemonic.Popfq:
                break;
            case Mnemonic.Call when instruction.FlowControl is FlowControl.Call or FlowControl.IndirectCall && !IsFar(instruction):
                break;
            case Mnemonic.Ret:
                change = instruction.OpCount == 0 ? change : change - instruction.Immediate16;
                break;
            case Mnemonic.Leave:
                change = instruction.Code switch { Code.Leavew => 2, Code.Leaved => 4, _ => 8 };
                pointer = Register.RBP;
                write = false;
                break;
            default:
                return;
        }

        TbOp guard = default;
        guard.Address = instruction.IP;
        guard.Base = (ushort)Operands.OffsetOf(pointer);
        guard.Index = CpuState.ZeroOffset;
        guard.Segment = CpuState.ZeroOffset;
        guard.AddressMask = ulong.MaxValue;
        if ((_mode & CodeMode.Long) == 0)
        {
            guard.Segment = (ushort)SystemPlaces.SegmentBase(Register.SS);
            guard.AddressMask = _stackMask;
        }

        guard.Displacement = write ? (ulong)(long)change : 0;
        int bytes = Math.Abs(change);
        Add(guard, Register.SS, new GuardedAccess(SegmentIndex.Ss, bytes, write) { Alignment = bytes });
    }

    private static bool IsFar(in Instruction instruction) =>
        instruction.Code is Code.Call_ptr1616 or Code.Call_ptr1632 or Code.Call_m1616 or Code.Call_m1632 or Code.Call_m1664;

    private void AddString(in Instruction instruction)
    {
        for (int operand = instruction.OpCount - 1; operand >= 0; operand--)
        {
            // The source is the later operand but for CMPS, and is looked at first either way.
            OpKind kind = instruction.GetOpKind(operand);
            bool isSource = kind is OpKind.MemorySegSI or OpKind.MemorySegESI or OpKind.MemorySegRSI;
            if (!isSource && kind is not (OpKind.MemoryESDI or OpKind.MemoryESEDI or OpKind.MemoryESRDI))
            {
                continue;
            }

            bool isRepeated = Lifter.IsRepeated(instruction);
            bool write = !isSource && instruction.Mnemonic is not (Mnemonic.Cmpsb or Mnemonic.Cmpsw or Mnemonic.Cmpsd or Mnemonic.Cmpsq
                or Mnemonic.Scasb or Mnemonic.Scasw or Mnemonic.Scasd or Mnemonic.Scasq);
            Register segment = isSource ? instruction.MemorySegment : Register.ES;
            int bytes = instruction.MemorySize.GetSize();
            TbOp guard = default;
            guard.Address = instruction.IP;
            guard.Base = (ushort)Operands.OffsetOf(isSource ? Register.RSI : Register.RDI);
            guard.Index = CpuState.ZeroOffset;
            guard.Segment = (_mode & CodeMode.Long) == 0 ? (ushort)SystemPlaces.SegmentBase(segment)
                : segment is Register.FS or Register.GS ? (ushort)Operands.OffsetOf(segment) : (ushort)CpuState.ZeroOffset;
            guard.AddressMask = kind switch
            {
                OpKind.MemorySegSI or OpKind.MemoryESDI => ushort.MaxValue,
                OpKind.MemorySegESI or OpKind.MemoryESEDI => uint.MaxValue,
                _ => ulong.MaxValue,
            };
            Add(guard, segment, new GuardedAccess(IndexOf(segment), bytes, write) { Alignment = bytes }, isRepeated);
        }
    }

    private void Add(TbOp guard, Register segment, GuardedAccess access, bool isRepeated = false)
    {
        bool isLegacy = (_mode & CodeMode.Long) == 0;
        bool checksSegment = isLegacy && ((_mode & CodeMode.CheckedSegments) != 0 || segment is Register.FS or Register.GS);
        bool checksAlignment = (_mode & CodeMode.CheckedAlignment) != 0 && access.Alignment > 1;
        if (!checksSegment && !checksAlignment)
        {
            return;
        }

        access = access with { ChecksSegment = checksSegment, Alignment = checksAlignment ? access.Alignment : 1 };
        guard.Immediate = access.Raw;
        SetHandler(&guard, isRepeated ? handlers.GuardString : handlers.GuardAccess);
        _guards.Add(guard);
    }

    private static bool IsMemory(OpKind kind) => kind is OpKind.Memory or OpKind.MemorySegDI or OpKind.MemorySegEDI or OpKind.MemorySegRDI;

    private static int BytesOf(in Instruction instruction)
    {
        int bytes = instruction.MemorySize.GetSize();
        return bytes != 0 ? bytes : InstructionUnits.Of(instruction) switch
        {
            ProcessorUnit.ExtendedState => XsaveBytes,
            ProcessorUnit.LegacyState => FxsaveBytes,
            _ => 1,
        };
    }

    /// <summary>SDM vol. 3A, table 6-7. Vectors have rules of their own, which their instructions check.</summary>
    private static int AlignmentOf(in Instruction instruction, int bytes) => instruction.MemorySize switch
    {
        MemorySize.SegPtr16 => 2,
        MemorySize.SegPtr32 or MemorySize.Fword6 or MemorySize.Bound32_DwordDword => 4,
        MemorySize.SegPtr64 or MemorySize.Float80 or MemorySize.Bcd => 8,
        MemorySize.Bound16_WordWord or MemorySize.FpuEnv14 or MemorySize.FpuState94 => 2,
        MemorySize.FpuEnv28 or MemorySize.FpuState108 => 4,
        _ => bytes is 2 or 4 or 8 ? bytes : 1,
    };

    private static SegmentIndex IndexOf(Register segment) => (SegmentIndex)(segment - Register.ES);

    private static void SetHandler(TbOp* op, nint handler) => *(nint*)&op->Handler = handler;
}
