using System.Runtime.CompilerServices;
using Iced.Intel;

namespace Jitvmm.Tests.Differential;

/// <summary>
/// Input states for one program: edge values in registers and vectors, and base registers solved so that memory
/// operands hit the test pages at telling places (aligned, unaligned, across pages, past the end, read-only).
/// </summary>
public sealed unsafe class CaseGenerator
{
    /// <summary>Small, so that a displacement reaches the test pages from it.</summary>
    public const ulong FsBase = 0x0123_4560;

    public const ulong GsBase = 0x7a12_3456_7000;

    /// <summary>Bits 7 and 15 of the x87 status word.</summary>
    private const uint ErrorSummaryAndBusy = 0x8080;

    private const int Rcx = 1;
    private const int Rsp = 4;

    private readonly TestProgram _program;
    private readonly CaseRandom _random;
    private readonly Instruction _instruction;
    private readonly UsedMemory[] _memory;
    private readonly LaneKind _lanes;
    private readonly bool _usesX87;
    private readonly uint _usedVectors;
    private readonly uint _usedGprs;
    private readonly OpCodeInfo _op;
    private readonly int _accessSize;
    private uint _solved;
    private bool _isMisplaced;

    public CaseGenerator(TestProgram program, CaseRandom random)
    {
        _program = program;
        _random = random;
        _instruction = program.Instructions[0];
        _op = _instruction.OpCode;
        var factory = new InstructionInfoFactory();
        _memory = program.Instructions.Count == 1 ? [.. factory.GetInfo(_instruction).GetUsedMemory()] : [];
        foreach (Instruction instruction in program.Instructions)
        {
            foreach (UsedRegister used in factory.GetInfo(instruction).GetUsedRegisters())
            {
                _usesX87 |= used.Register.IsST() || used.Register.IsMM();
                _usedGprs |= used.Register.IsGPR() ? 1u << used.Register.GetFullRegister().GetNumber() : 0;
                _usedVectors |= used.Register.IsVectorRegister() ? 1u << used.Register.GetNumber() : 0;
            }

            _usesX87 |= Array.IndexOf(instruction.CpuidFeatures, CpuidFeature.FPU) >= 0 || Array.IndexOf(instruction.CpuidFeatures, CpuidFeature.MMX) >= 0
                || instruction.IsSaveRestoreInstruction;
            _usedVectors |= instruction.IsSaveRestoreInstruction ? 0xffffu : 0;
        }

        _accessSize = Math.Max(1, _op.MemorySize.GetSize());
        _lanes = LanesOf(_instruction);
    }

    /// <summary>Leaves what the code does not name at its default, for vectors that people read.</summary>
    public bool IsMinimal { get; init; }

    public void Generate(CaseInput* input)
    {
        MachineState* state = &input->State;
        input->PatchCount = 0;
        _solved = 0;
        _isMisplaced = false;
        state->Rip = _program.Entry;
        state->Flags = 0x202 | (_random.Next() & 0x8d5) | (_random.Percent(_instruction.IsStringInstruction ? 30 : 5) ? 0x400ul : 0);
        state->FsBase = FsBase;
        state->GsBase = GsBase;
        for (int i = 0; i < 16; i++)
        {
            state->Gpr[i] = EdgeValues.Integer(_random);
        }

        FillVectors(state);
        FillX87(state);
        if (_random.Percent(96))
        {
            state->Gpr[Rsp] = TestLayout.DataBase + (ulong)(8 * (64 + _random.Below(800)));
        }

        FixInputs(state);
        foreach (ref readonly UsedMemory memory in _memory.AsSpan())
        {
            PlaceOperand(input, memory);
        }

        if (_memory.Length == 0)
        {
            PlaceBlockRegisters(state);
        }

        FixBranches(input);
        if (IsMinimal)
        {
            Minimize(state);
        }
    }

    private void Minimize(MachineState* state)
    {
        for (int i = 0; i < 16; i++)
        {
            if ((_usedGprs & (1u << i)) == 0)
            {
                state->Gpr[i] = 0;
            }

            if ((_usedVectors & (1u << i)) == 0)
            {
                new Span<byte>(MachineState.Xmm(state, i), 16).Clear();
                new Span<byte>(MachineState.YmmHigh(state, i), 16).Clear();
            }
        }

        if (_usedVectors == 0)
        {
            state->Mxcsr = VectorFile.DefaultMxcsr;
        }

        for (int i = 0; i < 8 && !_usesX87; i++)
        {
            *(ulong*)MachineState.St(state, i) = 0;
        }
    }

    private void FillVectors(MachineState* state)
    {
        new Span<byte>((byte*)state + 192 + 512, 64).Clear();
        state->ComponentsInUse = 7;
        state->Mxcsr = _random.Below(10) switch
        {
            < 5 => 0x1f80,
            < 8 => 0x1f80 | ((uint)_random.Next() & 0xe07f),
            8 => 0x1f80 | ((uint)_random.Next() & 0x6000),
            _ => (uint)_random.Next() & 0xff80,
        };
        byte* low = MachineState.Xmm(state, 0);
        byte* high = MachineState.YmmHigh(state, 0);
        // Registers the code does not name need only differ from one another.
        for (int i = 0; i < 256; i += 8)
        {
            *(ulong*)(low + i) = (ulong)(i + 1) * 0x0101_0101_0101_0101;
            *(ulong*)(high + i) = (ulong)(i + 2) * 0x1101_0101_0101_0101;
        }

        for (uint rest = _usedVectors; rest != 0; rest &= rest - 1)
        {
            int i = System.Numerics.BitOperations.TrailingZeroCount(rest);
            LaneKind kind = PickLanes();
            EdgeValues.Fill(_random, kind, low + 16 * i, 16);
            EdgeValues.Fill(_random, kind, high + 16 * i, 16);
        }
    }

    private LaneKind PickLanes() => _memory.Length == 0 && _program.Instructions.Count > 1 ? (LaneKind)_random.Below(4) : _random.Percent(80) ? _lanes : (LaneKind)_random.Below(4);

    private void FillX87(MachineState* state)
    {
        byte* image = state->Xsave;
        new Span<byte>(image, 24).Clear();
        new Span<byte>(image + 416, 96).Clear();
        *(uint*)(image + 28) = 0;
        state->ControlWord = 0x37f;
        for (int i = 0; i < 8; i++)
        {
            *(ulong*)MachineState.St(state, i) = (ulong)(i + 1) << 60;
            *(ulong*)(MachineState.St(state, i) + 8) = 0;
        }

        if (!_usesX87)
        {
            return;
        }

        uint control = _random.Below(10) switch
        {
            < 5 => 0x37f,
            < 8 => 0x7f | (uint)(_random.Below(4) << 10) | (s_precisions[_random.Below(3)] << 8),
            8 => 0x340 | ((uint)_random.Next() & 0xc3f),
            _ => 0x27fu,
        };
        state->ControlWord = (ushort)control;
        // Mostly no unmasked exception is pending at the start: the next x87 instruction would only report it.
        uint flags = (uint)_random.Next() & (_random.Percent(5) ? 0x3fu : control & 0x3f);
        uint summary = (flags & ~control) != 0 ? ErrorSummaryAndBusy : 0;
        state->StatusWord = (ushort)((_random.Next() & 0x4740) | flags | summary | ((_random.Next() & 7) << 11));
        state->ValidMask = _random.Below(4) switch { 0 => (byte)_random.Next(), 1 => (byte)(0xf0 >> _random.Below(8)), _ => 0xff };
        for (int i = 0; i < 8; i++)
        {
            EdgeValues.Extended(_random, MachineState.St(state, i));
            if (_lanes != LaneKind.Extended)
            {
                *(ulong*)MachineState.St(state, i) = EdgeValues.Integer(_random);
            }
        }
    }

    private static readonly uint[] s_precisions = [0, 2, 3];

    private void FixInputs(MachineState* state)
    {
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Div or Mnemonic.Idiv when _random.Percent(70):
                // Most random quotients overflow: make the dividend's upper half an extension of the lower.
                bool signed = _instruction.Mnemonic == Mnemonic.Idiv && (long)state->Gpr[0] < 0;
                if (_accessSize == 1 || _instruction.Op0Register.IsGPR8())
                {
                    state->Gpr[0] = _instruction.Mnemonic == Mnemonic.Idiv ? (ushort)(sbyte)state->Gpr[0] : (byte)state->Gpr[0];
                }
                else
                {
                    int bits = 8 * (_instruction.Op0Kind == OpKind.Register ? _instruction.Op0Register.GetSize() : _accessSize);
                    signed = _instruction.Mnemonic == Mnemonic.Idiv && ((state->Gpr[0] >> (bits - 1)) & 1) != 0;
                    state->Gpr[2] = signed ? ulong.MaxValue : _random.Percent(50) ? 0 : (ulong)_random.Below(16);
                }

                break;
            case Mnemonic.Bt or Mnemonic.Bts or Mnemonic.Btr or Mnemonic.Btc when _instruction.Op1Kind == OpKind.Register && _instruction.Op0Kind == OpKind.Memory:
                SetBitOffset(state, _instruction.Op1Register);
                break;
            case Mnemonic.Xsave or Mnemonic.Xsave64 or Mnemonic.Xsaveopt or Mnemonic.Xsaveopt64 or Mnemonic.Xsavec or Mnemonic.Xsavec64
                or Mnemonic.Xrstor or Mnemonic.Xrstor64:
                state->Gpr[0] = (ulong)_random.Below(8);
                state->Gpr[2] = _random.Percent(90) ? 0 : state->Gpr[2];
                break;
            case Mnemonic.Wrfsbase or Mnemonic.Wrgsbase when _instruction.Op0Register.IsGPR64() && _random.Percent(90):
                int index = _instruction.Op0Register.GetNumber();
                state->Gpr[index] = (ulong)((long)(state->Gpr[index] << 17) >> 17);
                break;
            case Mnemonic.Shld or Mnemonic.Shrd when _instruction.Op1Register.GetSize() == 2:
                state->Gpr[Rcx] &= ~0x10ul;
                break;
            default:
                break;
        }

        if (_instruction.HasRepPrefix || _instruction.HasRepePrefix || _instruction.HasRepnePrefix || _instruction.IsLoop || _instruction.IsLoopcc || _instruction.IsJcxShort)
        {
            bool narrow = _instruction.Op0Kind is OpKind.MemoryESEDI or OpKind.MemorySegESI || _instruction.Op1Kind is OpKind.MemorySegESI or OpKind.MemoryESEDI;
            ulong count = (ulong)_random.Below(_random.Percent(10) ? 600 : 24);
            state->Gpr[Rcx] = narrow && _random.Percent(30) ? count | 0xfff0_0000_0000_0000 : count;
        }
    }

    /// <summary>Half a gigabit below the operand, where nothing is on either side.</summary>
    private const ulong FarBitOffset = ulong.MaxValue << 29;

    /// <summary>Bit offsets reach memory far from the operand: keep most within the test pages.</summary>
    private void SetBitOffset(MachineState* state, Register register)
    {
        int index = register.GetFullRegister().GetNumber();
        ulong offset = _random.Percent(95) ? (ulong)(_random.Below(1024) - 512) : FarBitOffset + (ulong)_random.Below(1 << 20);
        state->Gpr[index] = register.GetSize() switch
        {
            2 => (state->Gpr[index] & ~0xfffful) | (offset & 0xffff),
            4 => (state->Gpr[index] & ~0xffff_fffful) | (offset & 0xffff_ffff),
            _ => offset,
        };
        _solved |= 1u << index;
    }

    private void PlaceOperand(CaseInput* input, in UsedMemory memory)
    {
        MachineState* state = &input->State;
        if (memory.VsibSize != 0)
        {
            PlaceGather(state, memory);
            return;
        }

        int baseIndex = Index(memory.Base);
        int indexIndex = Index(memory.Index);
        ulong mask = memory.AddressSize == CodeSize.Code32 ? 0xffff_fffful : ulong.MaxValue;
        ulong segment = memory.Segment switch { Register.FS => FsBase, Register.GS => GsBase, _ => 0 };
        ulong target = PickTarget(Math.Max(_accessSize, memory.MemorySize.GetSize()), memory.Base == Register.RSP || _instruction.IsJmpNearIndirect || _instruction.IsCallNearIndirect);
        if (baseIndex >= 0 && (_solved & (1u << baseIndex)) == 0)
        {
            ulong scaled = indexIndex >= 0 ? state->Gpr[indexIndex] * (ulong)memory.Scale : memory.Index == Register.AL ? state->Gpr[0] & 0xff : 0;
            ulong value = target - segment - memory.Displacement - scaled;
            Assign(state, baseIndex, value, mask);
            if (memory.Index == Register.AL && baseIndex == 0)
            {
                return;
            }
        }
        else if (indexIndex >= 0 && baseIndex < 0 && (_solved & (1u << indexIndex)) == 0)
        {
            Assign(state, indexIndex, ((target - segment - memory.Displacement) & mask) / (ulong)memory.Scale, mask);
        }

        ulong address = segment + ((ValueOf(state, baseIndex, memory.Base) + ValueOf(state, indexIndex, memory.Index) * (ulong)memory.Scale + memory.Displacement) & mask);
        if (input->PatchCount < 2 && address - TestLayout.DataBase < TestLayout.DataSize && (_program.MemorySeed & TestMemory.StateImages) == 0)
        {
            Patch(input, address);
        }
    }

    private void Assign(MachineState* state, int register, ulong value, ulong mask)
    {
        // The upper half of a register used for a 32-bit address must not matter.
        state->Gpr[register] = mask == ulong.MaxValue ? value : (value & mask) | (_random.Next() & ~mask);
        _solved |= 1u << register;
    }

    private void Patch(CaseInput* input, ulong address)
    {
        int slot = (int)input->PatchCount++;
        byte* data = input->PatchData + TestLayout.LineSize * slot;
        input->PatchAddress[slot] = address;
        EdgeValues.Fill(_random, PickLanes(), data, TestLayout.LineSize);
        MachineState* state = &input->State;
        bool equal = _random.Percent(50);
        switch (_instruction.Mnemonic)
        {
            case Mnemonic.Cmpxchg when equal:
                *(ulong*)data = state->Gpr[0];
                break;
            case Mnemonic.Cmpxchg8b when equal:
                *(ulong*)data = (state->Gpr[0] & 0xffff_ffff) | (state->Gpr[2] << 32);
                break;
            case Mnemonic.Cmpxchg16b when equal:
                *(ulong*)data = state->Gpr[0];
                *(ulong*)(data + 8) = state->Gpr[2];
                break;
            case Mnemonic.Popf or Mnemonic.Popfq:
                *(ulong*)data &= ~0x100ul;
                break;
            case Mnemonic.Ldmxcsr or Mnemonic.Vldmxcsr when _random.Percent(80):
                *(uint*)data &= 0xffff;
                break;
            case Mnemonic.Ldmxcsr or Mnemonic.Vldmxcsr:
                // AMD's misaligned exception mask, which Intel reserves.
                *(uint*)data &= ~(1u << 17);
                break;
            case Mnemonic.Fldcw when _random.Percent(70):
                *(ushort*)data = (ushort)(0x37f ^ (_random.Next() & 0xf00));
                break;
            case Mnemonic.Ret:
                *(ulong*)data = _random.Percent(4) ? NonCanonical() : _program.TerminatorAddress(1 + _random.Below(2));
                break;
            case Mnemonic.Fbld when _random.Percent(70):
                FillDecimal(data);
                break;
            case Mnemonic.Fld when _op.MemorySize == MemorySize.Float80:
                EdgeValues.Fill(_random, LaneKind.Extended, data, TestLayout.LineSize);
                break;
            default:
                break;
        }
    }

    private void FillDecimal(byte* data)
    {
        for (int i = 0; i < 9; i++)
        {
            data[i] = (byte)(_random.Below(10) | (_random.Below(10) << 4));
        }

        data[9] = (byte)(_random.Below(2) << 7);
    }

    private void PlaceGather(MachineState* state, in UsedMemory memory)
    {
        int baseIndex = Index(memory.Base);
        ulong segment = memory.Segment switch { Register.FS => FsBase, Register.GS => GsBase, _ => 0 };
        if (baseIndex >= 0)
        {
            ulong mask = memory.AddressSize == CodeSize.Code32 ? 0xffff_fffful : ulong.MaxValue;
            Assign(state, baseIndex, TestLayout.DataBase + 3000 - segment - memory.Displacement, mask);
        }

        bool wild = _random.Percent(10);
        int register = memory.Index.GetNumber();
        for (int half = 0; half < 2; half++)
        {
            byte* lanes = half == 0 ? MachineState.Xmm(state, register) : MachineState.YmmHigh(state, register);
            for (int i = 0; i < 16; i += memory.VsibSize)
            {
                long offset = (_random.Below(wild ? 3000 : 1600) - 800) / memory.Scale;
                if (memory.VsibSize == 4)
                {
                    *(int*)(lanes + i) = (int)offset;
                }
                else
                {
                    *(long*)(lanes + i) = offset;
                }
            }
        }
    }

    /// <summary>Blocks address memory through these by convention (<see cref="BlockGenerator"/>).</summary>
    private void PlaceBlockRegisters(MachineState* state)
    {
        if (_program.Instructions.Count > 1)
        {
            foreach (int register in BlockGenerator.AddressRegisters)
            {
                // Mostly aligned, or the instructions that demand it would end every block.
                ulong offset = (ulong)_random.Below(TestLayout.DataSize - 2048);
                state->Gpr[register] = TestLayout.DataBase + 1024 + (_random.Percent(80) ? offset & ~63ul : offset);
            }

            state->Gpr[BlockGenerator.CounterRegister] = 1 + (ulong)_random.Below(24);
        }
    }

    private ulong PickTarget(int size, bool mustBePatched)
    {
        ulong last = TestLayout.DataBase + TestLayout.DataSize;
        int aligned = Math.Max(16, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Min(size, 64)));
        if (_op.IsSaveRestore)
        {
            aligned = 1024;
        }

        // One operand in a bad place is enough: which of two is reported is not architectural.
        int choice = _isMisplaced ? 24 : _random.Below(mustBePatched ? 60 : 24);
        _isMisplaced |= choice <= 2;
        switch (choice)
        {
            case 0:
                return TestLayout.DataBase + TestLayout.PageSize - (ulong)_random.Below(Math.Max(2, size));
            case 1:
                return last - (ulong)_random.Below(Math.Max(2, size));
            case 2:
                return AwayFromOracle(_random.Below(6) switch
                {
                    0 => last + (ulong)_random.Below(TestLayout.PageSize),
                    // A trap flag popped from there would single-step the terminator.
                    1 when !mustBePatched => TestLayout.ReadOnlyBase + (ulong)(16 * _random.Below(200)),
                    2 when !mustBePatched => TestLayout.ReadOnlyBase - (ulong)_random.Below(Math.Max(2, size)),
                    3 => (1ul << 46) + (_random.Next() >> 19),
                    4 => NonCanonical(),
                    _ => _random.Next() | (1ul << 63),
                });
            case 3 or 4 or 5:
                return TestLayout.DataBase + 64 + (ulong)_random.Below(TestLayout.DataSize - 1024);
            case 6:
                return last - (ulong)size;
            default:
                return TestLayout.DataBase + (ulong)aligned * (1 + (ulong)_random.Below((TestLayout.DataSize - 1024) / aligned));
        }
    }

    private static ulong AwayFromOracle(ulong target) => TestLayout.IsOracles(target) ? target + (1ul << 31) : target;

    private ulong NonCanonical() => (1ul << 47) + (_random.Next() >> 2);

    private void FixBranches(CaseInput* input)
    {
        bool indirect = _instruction.IsJmpNearIndirect || _instruction.IsCallNearIndirect;
        if (!indirect || _program.Instructions.Count != 1)
        {
            return;
        }

        if (_instruction.Op0Register == Register.RSP)
        {
            // A jump into the data: a fetch fault, and a stack that holds the pushed address.
            input->State.Gpr[Rsp] = TestLayout.DataBase + 64;
            return;
        }

        // Not beside a stack that faults: which of the two is reported is not architectural. Where the operand's place
        // is beyond our choosing, its target may be anything.
        bool isChosen = input->PatchCount > 0 && input->PatchAddress[0] != input->State.Gpr[Rsp] - 8;
        if (_instruction.Op0Kind == OpKind.Memory && !isChosen)
        {
            input->State.Gpr[Rsp] = TestLayout.DataBase + 64;
            return;
        }

        bool mayFault = !_isMisplaced && input->State.Gpr[Rsp] - TestLayout.DataBase - 8 < TestLayout.DataSize - 16;
        ulong target = mayFault && _random.Percent(4) ? NonCanonical() : _program.TerminatorAddress(_random.Below(3));
        if (_instruction.Op0Kind == OpKind.Register)
        {
            input->State.Gpr[_instruction.Op0Register.GetNumber()] = target;
        }
        else
        {
            // The first patch is the operand; the stack's must not overlap it.
            input->PatchCount = Math.Min(input->PatchCount, 1);
            *(ulong*)input->PatchData = target;
        }
    }

    private static int Index(Register register) => register.IsGPR64() || register.IsGPR32() ? register.GetNumber() : -1;

    private static ulong ValueOf(MachineState* state, int index, Register register) =>
        index >= 0 ? state->Gpr[index] : register == Register.AL ? state->Gpr[0] & 0xff : 0;

    private static LaneKind LanesOf(in Instruction instruction)
    {
        MemorySize element = instruction.OpCode.MemorySize.GetElementType();
        return element switch
        {
            MemorySize.Float16 => LaneKind.Half,
            MemorySize.Float32 => LaneKind.Single,
            MemorySize.Float64 => LaneKind.Double,
            MemorySize.Float80 => LaneKind.Extended,
            _ when Array.IndexOf(instruction.CpuidFeatures, CpuidFeature.FPU) >= 0 => LaneKind.Extended,
            _ => LaneKind.Integer,
        };
    }
}
