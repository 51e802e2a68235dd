using Iced.Intel;

namespace Jitvmm.Tests.Differential;

/// <summary>Makes concrete instructions of a form: one variation fixes registers or memory, addressing mode, immediates and prefixes.</summary>
public sealed class FormEncoder(CaseRandom random)
{
    private static readonly Register[] s_highBytes = [Register.AH, Register.CH, Register.DH, Register.BH];

    private const byte LinuxSystemCall = 0x80;

    /// <summary>Memory operands use only <see cref="BlockGenerator.AddressRegisters"/> with small displacements.</summary>
    public bool UseBlockRegisters { get; init; }

    private Instruction _instruction;
    private ulong _address;
    private bool _wantsMemory;
    private bool _wantsAlias;
    private int _addressing;
    private int _memorySize;

    /// <summary>
    /// Variation v: odd ones use memory where the form has a choice, every sixth prefers one register for all
    /// operands, and the addressing mode cycles. Null where this combination has no encoding.
    /// </summary>
    public TestProgram? Build(Code code, int variation, ulong codeAddress)
    {
        for (int attempt = 0; attempt < 6; attempt++)
        {
            _instruction = default;
            _instruction.Code = code;
            _address = codeAddress;
            _wantsMemory = (variation & 1) != 0;
            _wantsAlias = variation % 6 >= 4;
            _addressing = attempt == 0 ? variation / 2 : random.Below(64);
            OpCodeInfo op = code.ToOpCode();
            _memorySize = Math.Max(1, op.MemorySize.GetSize());
            if (!SetOperands(op) || !HasUniqueRegisters(op))
            {
                continue;
            }

            SetPrefixes(op, variation);
            TestProgram? program = TestProgram.FromInstruction(codeAddress, _instruction);
            if (program is not null)
            {
                return program;
            }
        }

        return null;
    }

    private bool SetOperands(OpCodeInfo op)
    {
        Register previous = Register.None;
        bool secondImmediate = false;
        for (int i = 0; i < op.OpCount; i++)
        {
            OpCodeOperandKind kind = op.GetOpKind(i);
            Register fixedRegister = FixedRegister(kind);
            if (fixedRegister != Register.None)
            {
                SetRegister(i, fixedRegister);
                continue;
            }

            Register[]? file = RegisterFile(kind, out bool mayBeMemory);
            if (file is not null && !(mayBeMemory && _wantsMemory))
            {
                previous = PickRegister(file, previous);
                SetRegister(i, previous);
            }
            else if (file is not null || IsMemory(kind))
            {
                SetMemory(i, kind);
            }
            else if (!SetOther(i, kind, ref secondImmediate))
            {
                return false;
            }
        }

        return true;
    }

    private Register PickRegister(Register[] file, Register previous)
    {
        if (previous != Register.None && (_wantsAlias || random.Percent(12)) && previous.GetNumber() < file.Length)
        {
            return file[previous.GetNumber()];
        }

        // RSP as data operand is legal but makes most stack accesses wild: rarer than the others.
        Register picked = random.Pick<Register>(file);
        if (picked.IsGPR() && picked.GetNumber() == 4 && random.Percent(70))
        {
            picked = file[0];
        }

        return file.Length == 16 && picked.IsGPR8() && random.Percent(25) ? random.Pick<Register>(s_highBytes) : picked;
    }

    private void SetRegister(int index, Register register)
    {
        _instruction.SetOpKind(index, OpKind.Register);
        _instruction.SetOpRegister(index, register);
    }

    private void SetMemory(int index, OpCodeOperandKind kind)
    {
        _instruction.SetOpKind(index, OpKind.Memory);
        if (kind == OpCodeOperandKind.mem_offs)
        {
            _instruction.MemoryDisplSize = 8;
            _instruction.MemoryDisplacement64 = FixedTarget();
            return;
        }

        if (UseBlockRegisters)
        {
            SetBlockMemory(kind);
            return;
        }

        Register vectorIndex = kind switch
        {
            OpCodeOperandKind.mem_vsib32x or OpCodeOperandKind.mem_vsib64x => Register.XMM0 + random.Below(16),
            OpCodeOperandKind.mem_vsib32y or OpCodeOperandKind.mem_vsib64y => Register.YMM0 + random.Below(16),
            _ => Register.None,
        };
        int mode = vectorIndex != Register.None ? 3 + _addressing % 2 * 4 : _addressing % 11;
        if (mode is 8 or 9 or 10)
        {
            _instruction.SegmentPrefix = mode == 8 ? Register.GS : Register.FS;
        }

        switch (mode)
        {
            case 5:
                _instruction.MemoryBase = Register.RIP;
                _instruction.MemoryDisplSize = 8;
                _instruction.MemoryDisplacement64 = FixedTarget();
                return;
            case 6 or 10:
                _instruction.MemoryDisplSize = 8;
                _instruction.MemoryDisplacement64 = FixedTarget() - (mode == 10 ? CaseGenerator.FsBase : 0);
                return;
            default:
                SetBaseIndex(mode, vectorIndex);
                return;
        }
    }

    private void SetBlockMemory(OpCodeOperandKind kind)
    {
        if (kind is OpCodeOperandKind.mem_vsib32x or OpCodeOperandKind.mem_vsib64x or OpCodeOperandKind.mem_vsib32y or OpCodeOperandKind.mem_vsib64y)
        {
            bool wide = kind is OpCodeOperandKind.mem_vsib32y or OpCodeOperandKind.mem_vsib64y;
            _instruction.MemoryIndex = (wide ? Register.YMM0 : Register.XMM0) + random.Below(16);
            _instruction.MemoryIndexScale = 1;
        }

        if (random.Percent(10))
        {
            _instruction.MemoryBase = Register.RSP;
        }
        else
        {
            _instruction.MemoryBase = Register.RAX + random.Pick<int>(BlockGenerator.AddressRegisters);
        }

        // A few large displacements make faults in the middle of a block.
        int distance = random.Percent(1) ? 1 << 14 : random.Percent(40) ? 64 : 1000;
        _instruction.MemoryDisplSize = 8;
        _instruction.MemoryDisplacement64 = (ulong)(random.Below(distance) - distance / 2);
        if (_memorySize >= 16)
        {
            _instruction.MemoryDisplacement64 &= ~63ul;
        }
    }

    private void SetBaseIndex(int mode, Register vectorIndex)
    {
        bool narrow = mode == 7;
        Register first = narrow ? Register.EAX : Register.RAX;
        Register baseRegister = first + random.Below(16);
        // RCX must be free to hold a count with a defined result.
        bool IsCountRegister(Register register) => _instruction.Code is Code.Shld_rm16_r16_CL or Code.Shrd_rm16_r16_CL && register.GetNumber() == 1;
        if (IsCountRegister(baseRegister))
        {
            baseRegister = first;
        }

        Register indexRegister = vectorIndex != Register.None ? vectorIndex : first + random.Below(16);
        if (indexRegister is Register.RSP or Register.ESP || indexRegister == baseRegister)
        {
            indexRegister = baseRegister is Register.RBX or Register.EBX ? first + 6 : first + 3;
        }

        if (IsCountRegister(indexRegister))
        {
            indexRegister = baseRegister == first + 3 ? first + 6 : first + 3;
        }

        if (mode != 4 || vectorIndex != Register.None)
        {
            _instruction.MemoryBase = baseRegister;
        }

        if (mode is 3 or 4 or 7 || vectorIndex != Register.None || (mode is 8 or 9 && random.Percent(40)))
        {
            _instruction.MemoryIndex = indexRegister;
            _instruction.MemoryIndexScale = 1 << random.Below(4);
        }

        int displacementKind = mode switch { 0 => 0, 1 => 1, 2 or 4 => 2, _ => random.Below(3) };
        int wide = narrow ? 4 : 8;
        (_instruction.MemoryDisplSize, long displacement) = displacementKind switch
        {
            0 => (0, 0L),
            1 => (1, random.Below(256) - 128L),
            _ => (wide, random.Percent(50) ? random.Below(1 << 20) - (1L << 19) : (int)random.Next()),
        };
        _instruction.MemoryDisplacement64 = narrow ? (uint)displacement : (ulong)displacement;
    }

    /// <summary>An address known when the code is made: mostly inside the writable pages, sometimes across or past their end.</summary>
    private ulong FixedTarget() => TestLayout.DataBase + random.Below(12) switch
    {
        0 => (ulong)(TestLayout.PageSize - random.Below(Math.Max(2, _memorySize))),
        1 => (ulong)(TestLayout.DataSize - random.Below(Math.Max(2, _memorySize))),
        2 => 0x3000ul + 64ul * (ulong)random.Below(32),
        3 or 4 or 5 => (ulong)random.Below(TestLayout.DataSize - 256),
        _ => 64ul * (ulong)random.Below((TestLayout.DataSize - 256) / 64),
    };

    private bool SetOther(int index, OpCodeOperandKind kind, ref bool secondImmediate)
    {
        ulong value = EdgeValues.Integer(random);
        switch (kind)
        {
            case OpCodeOperandKind.imm8 when _instruction.Code is Code.Shld_rm16_r16_imm8 or Code.Shrd_rm16_r16_imm8:
                // Counts above the operand's size have an undefined result.
                _instruction.SetOpKind(index, OpKind.Immediate8);
                _instruction.Immediate8 = (byte)(random.Next() & 0xef);
                return true;
            case OpCodeOperandKind.imm8:
                SetByte(index, value, secondImmediate);
                secondImmediate = true;
                return true;
            case OpCodeOperandKind.imm8_const_1:
                _instruction.SetOpKind(index, OpKind.Immediate8);
                _instruction.Immediate8 = 1;
                return true;
            case OpCodeOperandKind.imm8sex16:
                return SetImmediate(index, OpKind.Immediate8to16, (ulong)(sbyte)value);
            case OpCodeOperandKind.imm8sex32:
                return SetImmediate(index, OpKind.Immediate8to32, (ulong)(sbyte)value);
            case OpCodeOperandKind.imm8sex64:
                return SetImmediate(index, OpKind.Immediate8to64, (ulong)(sbyte)value);
            case OpCodeOperandKind.imm16:
                return SetImmediate(index, OpKind.Immediate16, _instruction.Mnemonic is Mnemonic.Enter or Mnemonic.Ret ? value & 0x1ff : (ushort)value);
            case OpCodeOperandKind.imm32:
                return SetImmediate(index, OpKind.Immediate32, (uint)value);
            case OpCodeOperandKind.imm32sex64:
                return SetImmediate(index, OpKind.Immediate32to64, (ulong)(int)value);
            case OpCodeOperandKind.imm64:
                return SetImmediate(index, OpKind.Immediate64, value);
            case OpCodeOperandKind.seg_reg:
                SetRegister(index, Register.ES + random.Below(6));
                return true;
            case OpCodeOperandKind.br64_1 or OpCodeOperandKind.br64_4:
                _instruction.SetOpKind(index, OpKind.NearBranch64);
                _instruction.NearBranch64 = random.Percent(60) ? TestProgram.ForwardTarget(_address) : _address;
                return true;
            case OpCodeOperandKind.seg_rSI:
                _instruction.SetOpKind(index, _addressing % 4 == 3 ? OpKind.MemorySegESI : OpKind.MemorySegRSI);
                _instruction.SegmentPrefix = random.Percent(15) ? Register.FS : Register.None;
                return true;
            case OpCodeOperandKind.es_rDI:
                _instruction.SetOpKind(index, _addressing % 4 == 3 ? OpKind.MemoryESEDI : OpKind.MemoryESRDI);
                return true;
            case OpCodeOperandKind.seg_rDI:
                _instruction.SetOpKind(index, _addressing % 4 == 3 ? OpKind.MemorySegEDI : OpKind.MemorySegRDI);
                return true;
            case OpCodeOperandKind.seg_rBX_al:
                _instruction.SetOpKind(index, OpKind.Memory);
                _instruction.MemoryBase = _addressing % 4 == 3 ? Register.EBX : Register.RBX;
                _instruction.MemoryIndex = Register.AL;
                return true;
            default:
                return false;
        }
    }

    private void SetByte(int index, ulong value, bool isSecond)
    {
        // The second 8-bit immediate (ENTER) follows a 16-bit one.
        if (isSecond || (index > 0 && _instruction.GetOpKind(index - 1) == OpKind.Immediate16))
        {
            _instruction.SetOpKind(index, OpKind.Immediate8_2nd);
            _instruction.Immediate8_2nd = (byte)random.Below(4);
            return;
        }

        _instruction.SetOpKind(index, OpKind.Immediate8);
        _instruction.Immediate8 = random.Percent(50) ? (byte)random.Next() : (byte)value;
        if (_instruction.Code == Code.Int_imm8)
        {
            // On the host the system call's number would enter the kernel. Two others are open to user code.
            _instruction.Immediate8 = random.Percent(20) ? (byte)(3 + random.Below(2)) : _instruction.Immediate8 == LinuxSystemCall ? (byte)0 : _instruction.Immediate8;
        }
    }

    private bool SetImmediate(int index, OpKind kind, ulong value)
    {
        _instruction.SetOpKind(index, kind);
        switch (kind)
        {
            case OpKind.Immediate16: _instruction.Immediate16 = (ushort)value; break;
            case OpKind.Immediate32: _instruction.Immediate32 = (uint)value; break;
            case OpKind.Immediate32to64: _instruction.Immediate32to64 = (long)value; break;
            case OpKind.Immediate64: _instruction.Immediate64 = value; break;
            case OpKind.Immediate8to16: _instruction.Immediate8to16 = (short)value; break;
            case OpKind.Immediate8to32: _instruction.Immediate8to32 = (int)value; break;
            default: _instruction.Immediate8to64 = (long)value; break;
        }

        return true;
    }

    private void SetPrefixes(OpCodeInfo op, int variation)
    {
        bool memoryTarget = op.OpCount > 0 && _instruction.Op0Kind == OpKind.Memory;
        if (op.CanUseLockPrefix && memoryTarget && variation % 3 == 0)
        {
            _instruction.HasLockPrefix = true;
        }

        if (_instruction.IsStringInstruction)
        {
            bool compares = _instruction.Mnemonic is Mnemonic.Cmpsb or Mnemonic.Cmpsw or Mnemonic.Cmpsd or Mnemonic.Cmpsq
                or Mnemonic.Scasb or Mnemonic.Scasw or Mnemonic.Scasd or Mnemonic.Scasq;
            int choice = variation % 3;
            _instruction.HasRepePrefix = op.CanUseRepPrefix && choice == 1;
            _instruction.HasRepnePrefix = compares && choice == 2;
        }
    }

    /// <summary>Gathers raise #UD when destination, mask and index overlap, on Intel only.</summary>
    private bool HasUniqueRegisters(OpCodeInfo op)
    {
        if (!op.RequiresUniqueRegNums)
        {
            return true;
        }

        int destination = _instruction.Op0Register.GetNumber();
        int mask = _instruction.Op2Register.GetNumber();
        int index = _instruction.MemoryIndex.GetNumber();
        return destination != mask && destination != index && mask != index;
    }

    private static bool IsMemory(OpCodeOperandKind kind) => kind is OpCodeOperandKind.mem or OpCodeOperandKind.mem_offs or OpCodeOperandKind.mem_mib
        or OpCodeOperandKind.mem_vsib32x or OpCodeOperandKind.mem_vsib64x or OpCodeOperandKind.mem_vsib32y or OpCodeOperandKind.mem_vsib64y;

    private static Register FixedRegister(OpCodeOperandKind kind) => kind switch
    {
        OpCodeOperandKind.al => Register.AL,
        OpCodeOperandKind.cl => Register.CL,
        OpCodeOperandKind.ax => Register.AX,
        OpCodeOperandKind.dx => Register.DX,
        OpCodeOperandKind.eax => Register.EAX,
        OpCodeOperandKind.rax => Register.RAX,
        OpCodeOperandKind.st0 => Register.ST0,
        OpCodeOperandKind.fs => Register.FS,
        OpCodeOperandKind.gs => Register.GS,
        _ => Register.None,
    };

    private static Register[]? RegisterFile(OpCodeOperandKind kind, out bool mayBeMemory)
    {
        mayBeMemory = kind is OpCodeOperandKind.r8_or_mem or OpCodeOperandKind.r16_or_mem or OpCodeOperandKind.r32_or_mem or OpCodeOperandKind.r64_or_mem
            or OpCodeOperandKind.mm_or_mem or OpCodeOperandKind.xmm_or_mem or OpCodeOperandKind.ymm_or_mem;
        return kind switch
        {
            OpCodeOperandKind.r8_or_mem or OpCodeOperandKind.r8_reg or OpCodeOperandKind.r8_opcode => s_gpr8,
            OpCodeOperandKind.r16_or_mem or OpCodeOperandKind.r16_reg or OpCodeOperandKind.r16_reg_mem or OpCodeOperandKind.r16_rm or OpCodeOperandKind.r16_opcode => s_gpr16,
            OpCodeOperandKind.r32_or_mem or OpCodeOperandKind.r32_reg or OpCodeOperandKind.r32_reg_mem or OpCodeOperandKind.r32_rm
                or OpCodeOperandKind.r32_opcode or OpCodeOperandKind.r32_vvvv => s_gpr32,
            OpCodeOperandKind.r64_or_mem or OpCodeOperandKind.r64_reg or OpCodeOperandKind.r64_reg_mem or OpCodeOperandKind.r64_rm
                or OpCodeOperandKind.r64_opcode or OpCodeOperandKind.r64_vvvv => s_gpr64,
            OpCodeOperandKind.mm_or_mem or OpCodeOperandKind.mm_reg or OpCodeOperandKind.mm_rm => s_mm,
            OpCodeOperandKind.xmm_or_mem or OpCodeOperandKind.xmm_reg or OpCodeOperandKind.xmm_rm or OpCodeOperandKind.xmm_vvvv or OpCodeOperandKind.xmm_is4 => s_xmm,
            OpCodeOperandKind.ymm_or_mem or OpCodeOperandKind.ymm_reg or OpCodeOperandKind.ymm_rm or OpCodeOperandKind.ymm_vvvv or OpCodeOperandKind.ymm_is4 => s_ymm,
            OpCodeOperandKind.sti_opcode => s_st,
            OpCodeOperandKind.cr_reg => s_cr,
            OpCodeOperandKind.dr_reg => s_dr,
            _ => null,
        };
    }

    private static readonly Register[] s_gpr8 =
    [
        Register.AL, Register.CL, Register.DL, Register.BL, Register.SPL, Register.BPL, Register.SIL, Register.DIL,
        Register.R8L, Register.R9L, Register.R10L, Register.R11L, Register.R12L, Register.R13L, Register.R14L, Register.R15L,
    ];

    private static readonly Register[] s_gpr16 = File(Register.AX, 16);
    private static readonly Register[] s_gpr32 = File(Register.EAX, 16);
    private static readonly Register[] s_gpr64 = File(Register.RAX, 16);
    private static readonly Register[] s_mm = File(Register.MM0, 8);
    private static readonly Register[] s_xmm = File(Register.XMM0, 16);
    private static readonly Register[] s_ymm = File(Register.YMM0, 16);
    private static readonly Register[] s_st = File(Register.ST0, 8);
    private static readonly Register[] s_cr = [Register.CR0, Register.CR2, Register.CR3, Register.CR4, Register.CR8];
    private static readonly Register[] s_dr = File(Register.DR0, 8);

    private static Register[] File(Register first, int count) => [.. Enumerable.Range(0, count).Select(i => first + i)];
}
