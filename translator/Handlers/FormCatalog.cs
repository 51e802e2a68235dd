using Iced.Intel;
using Jitvmm.Runtime.Interpret;
using Jitvmm.Translator.Lift;

namespace Jitvmm.Translator.Handlers;

/// <summary>
/// Every instruction form of 64-bit user code, as a representative instruction: what the handler generator and
/// the coverage test enumerate.
/// </summary>
public static class FormCatalog
{
    /// <summary>One form: the instruction and its <see cref="HandlerForm"/> parts.</summary>
    public readonly record struct Form(Instruction Instruction, int Addressing, int Prefix);

    public static IEnumerable<Form> All()
    {
        foreach (Code code in Enum.GetValues<Code>())
        {
            OpCodeInfo info = code.ToOpCode();
            if (!IsIn64BitMode(code, info) || !info.IsInstruction || info.Encoding is not (EncodingKind.Legacy or EncodingKind.VEX) || !IsGuestFeature(code))
            {
                continue;
            }

            foreach (Form form in FormsOf(code, info))
            {
                yield return form;
            }
        }
    }

    /// <summary>The forms that 16- and 32-bit code has besides: instructions 64-bit mode lacks, and everything that touches memory.</summary>
    public static IEnumerable<Form> Legacy()
    {
        foreach (Code code in Enum.GetValues<Code>())
        {
            OpCodeInfo info = code.ToOpCode();
            bool exists = info.Mode32 || info.Mode16;
            if (!exists || !info.IsInstruction || info.Encoding is not (EncodingKind.Legacy or EncodingKind.VEX) || !IsGuestFeature(code))
            {
                continue;
            }

            foreach (Form form in FormsOf(code, info))
            {
                int addressing = HandlerForms.LegacyAddressingOf(form.Instruction);
                bool isVariant = form.Addressing == HandlerForm.BaseDisplacement || (form.Instruction.IsStringInstruction && form.Addressing == HandlerForm.General);
                if (!isVariant && (addressing == HandlerForm.Legacy || !IsIn64BitMode(code, info)))
                {
                    yield return form with { Addressing = addressing, Prefix = HandlerForms.LegacyPrefixOf(form.Instruction) };
                }
            }
        }
    }

    /// <summary>Whether the instruction belongs to the processor guests see (<see cref="Runtime.Cpu.CpuModel"/>).</summary>
    public static bool IsGuestFeature(Code code)
    {
        if (Lifter.IsHypercall(code))
        {
            return true;
        }

        foreach (CpuidFeature feature in code.CpuidFeatures())
        {
            if (!IsGuestFeature(feature))
            {
                return false;
            }
        }

        return true;
    }

    public static bool IsGuestFeature(CpuidFeature feature) => feature is
        CpuidFeature.INTEL8086 or CpuidFeature.INTEL186 or CpuidFeature.INTEL286 or CpuidFeature.INTEL386 or CpuidFeature.INTEL486
        or CpuidFeature.X64 or CpuidFeature.CMOV or CpuidFeature.CX8 or CpuidFeature.CMPXCHG16B or CpuidFeature.FPU or CpuidFeature.FPU287
        or CpuidFeature.FPU387 or CpuidFeature.FXSR or CpuidFeature.MMX or CpuidFeature.SSE or CpuidFeature.SSE2 or CpuidFeature.SSE3
        or CpuidFeature.SSSE3 or CpuidFeature.SSE4_1 or CpuidFeature.SSE4_2 or CpuidFeature.POPCNT or CpuidFeature.LZCNT or CpuidFeature.MOVBE
        or CpuidFeature.BMI1 or CpuidFeature.BMI2 or CpuidFeature.AVX or CpuidFeature.AVX2 or CpuidFeature.FMA or CpuidFeature.F16C
        or CpuidFeature.AES or CpuidFeature.VAES or CpuidFeature.PCLMULQDQ or CpuidFeature.VPCLMULQDQ or CpuidFeature.SHA or CpuidFeature.RDRAND or CpuidFeature.RDSEED or CpuidFeature.ADX
        or CpuidFeature.XSAVE or CpuidFeature.XSAVEOPT or CpuidFeature.XSAVEC or CpuidFeature.FSGSBASE or CpuidFeature.RDTSCP or CpuidFeature.TSC
        or CpuidFeature.RDPID or CpuidFeature.CLFSH or CpuidFeature.CLFLUSHOPT or CpuidFeature.CLWB or CpuidFeature.PAUSE or CpuidFeature.SYSCALL
        or CpuidFeature.CPUID or CpuidFeature.PREFETCHW or CpuidFeature.MULTIBYTENOP or CpuidFeature.CET_IBT or CpuidFeature.MSR
        or CpuidFeature.CET_SS or CpuidFeature.SEP or CpuidFeature.INVPCID or CpuidFeature.SMAP or CpuidFeature.RDPMC;

    /// <summary>As Intel's processors decode it; of AMD's instructions, the hypercall.</summary>
    private static bool IsIn64BitMode(Code code, OpCodeInfo info) => info.IntelDecoder64 || Lifter.IsHypercall(code);

    private static IEnumerable<Form> FormsOf(Code code, OpCodeInfo info)
    {
        bool hasMemory = false;
        bool registerOrMemory = false;
        bool isString = false;
        for (int operand = 0; operand < info.OpCount; operand++)
        {
            OpCodeOperandKind kind = info.GetOpKind(operand);
            (bool memory, bool register) = Classify(kind);
            hasMemory |= memory;
            registerOrMemory |= memory && register;
            isString |= kind is OpCodeOperandKind.seg_rSI or OpCodeOperandKind.es_rDI;
        }

        if (isString)
        {
            foreach (Form form in StringForms(code, info))
            {
                yield return form;
            }

            yield break;
        }

        if (!hasMemory || registerOrMemory)
        {
            if (TryCreate(code, info, false, out Instruction register))
            {
                yield return new Form(register, HandlerForm.Register, HandlerForm.NoPrefix);
            }
        }

        if (!hasMemory || !TryCreate(code, info, true, out Instruction memoryForm))
        {
            yield break;
        }

        bool simple = HandlerForms.HasSimpleAddressing(memoryForm);
        for (int locked = 0; locked <= (info.CanUseLockPrefix ? 1 : 0); locked++)
        {
            memoryForm.HasLockPrefix = locked != 0;
            if (simple)
            {
                yield return new Form(memoryForm, HandlerForm.BaseDisplacement, locked);
            }

            yield return new Form(memoryForm, HandlerForm.General, locked);
        }
    }

    private static IEnumerable<Form> StringForms(Code code, OpCodeInfo info)
    {
        for (int narrow = 0; narrow < 2; narrow++)
        {
            for (int prefix = HandlerForm.NoPrefix; prefix <= HandlerForm.Repne; prefix++)
            {
                Instruction instruction = new() { Code = code };
                for (int operand = 0; operand < info.OpCount; operand++)
                {
                    OpCodeOperandKind kind = info.GetOpKind(operand);
                    if (kind is OpCodeOperandKind.seg_rSI)
                    {
                        instruction.SetOpKind(operand, narrow != 0 ? OpKind.MemorySegESI : OpKind.MemorySegRSI);
                    }
                    else if (kind is OpCodeOperandKind.es_rDI)
                    {
                        instruction.SetOpKind(operand, narrow != 0 ? OpKind.MemoryESEDI : OpKind.MemoryESRDI);
                    }
                    else
                    {
                        SetFixedRegister(ref instruction, operand, kind);
                    }
                }

                instruction.HasRepPrefix = prefix == HandlerForm.LockOrRep;
                instruction.HasRepnePrefix = prefix == HandlerForm.Repne;
                yield return new Form(instruction, narrow != 0 ? HandlerForm.General : HandlerForm.Register, prefix);
            }
        }
    }

    private static (bool Memory, bool Register) Classify(OpCodeOperandKind kind)
    {
        string name = kind.ToString();
        bool either = name.EndsWith("_or_mem", StringComparison.Ordinal);
        bool implied = kind is OpCodeOperandKind.seg_rBX_al or OpCodeOperandKind.seg_rDI;
        return (either || implied || name.StartsWith("mem", StringComparison.Ordinal), either);
    }

    /// <summary>Builds an instruction of the form with arbitrary registers of the right class.</summary>
    private static bool TryCreate(Code code, OpCodeInfo info, bool memory, out Instruction instruction)
    {
        instruction = new Instruction { Code = code };
        for (int operand = 0; operand < info.OpCount; operand++)
        {
            OpCodeOperandKind kind = info.GetOpKind(operand);
            (bool canBeMemory, bool canBeRegister) = Classify(kind);
            if (kind == OpCodeOperandKind.seg_rDI)
            {
                instruction.SetOpKind(operand, OpKind.MemorySegRDI);
            }
            else if (canBeMemory && (memory || !canBeRegister))
            {
                instruction.SetOpKind(operand, OpKind.Memory);
                instruction.MemoryBase = Register.RAX;
                if (kind == OpCodeOperandKind.seg_rBX_al)
                {
                    instruction.MemoryBase = Register.RBX;
                    instruction.MemoryIndex = Register.AL;
                }
                else if (kind is OpCodeOperandKind.mem_vsib32x or OpCodeOperandKind.mem_vsib64x)
                {
                    instruction.MemoryIndex = Register.XMM7;
                }
                else if (kind is OpCodeOperandKind.mem_vsib32y or OpCodeOperandKind.mem_vsib64y)
                {
                    instruction.MemoryIndex = Register.YMM7;
                }
            }
            else if (!SetFixedRegister(ref instruction, operand, kind) && !SetRegister(ref instruction, operand, kind) && !SetImmediate(ref instruction, operand, kind))
            {
                return false;
            }
        }

        return true;
    }

    private static bool SetFixedRegister(ref Instruction instruction, int operand, OpCodeOperandKind kind)
    {
        Register register = kind switch
        {
            OpCodeOperandKind.al => Register.AL,
            OpCodeOperandKind.cl => Register.CL,
            OpCodeOperandKind.ax => Register.AX,
            OpCodeOperandKind.dx => Register.DX,
            OpCodeOperandKind.eax => Register.EAX,
            OpCodeOperandKind.rax => Register.RAX,
            OpCodeOperandKind.st0 => Register.ST0,
            OpCodeOperandKind.es => Register.ES,
            OpCodeOperandKind.cs => Register.CS,
            OpCodeOperandKind.ss => Register.SS,
            OpCodeOperandKind.ds => Register.DS,
            OpCodeOperandKind.fs => Register.FS,
            OpCodeOperandKind.gs => Register.GS,
            OpCodeOperandKind.cr_reg => Register.CR0,
            OpCodeOperandKind.dr_reg => Register.DR0,
            _ => Register.None,
        };
        if (register == Register.None)
        {
            return false;
        }

        instruction.SetOpKind(operand, OpKind.Register);
        instruction.SetOpRegister(operand, register);
        return true;
    }

    private static bool SetRegister(ref Instruction instruction, int operand, OpCodeOperandKind kind)
    {
        string name = kind.ToString();
        Register first = name switch
        {
            _ when name.StartsWith("r8_", StringComparison.Ordinal) => Register.AL,
            _ when name.StartsWith("r16_", StringComparison.Ordinal) => Register.AX,
            _ when name.StartsWith("r32_", StringComparison.Ordinal) => Register.EAX,
            _ when name.StartsWith("r64_", StringComparison.Ordinal) => Register.RAX,
            _ when name.StartsWith("xmm_", StringComparison.Ordinal) => Register.XMM0,
            _ when name.StartsWith("ymm_", StringComparison.Ordinal) => Register.YMM0,
            _ when name.StartsWith("mm_", StringComparison.Ordinal) => Register.MM0,
            _ when kind == OpCodeOperandKind.sti_opcode => Register.ST1,
            _ when kind == OpCodeOperandKind.seg_reg => Register.DS,
            _ => Register.None,
        };
        if (first == Register.None)
        {
            return false;
        }

        instruction.SetOpKind(operand, OpKind.Register);
        instruction.SetOpRegister(operand, kind is OpCodeOperandKind.sti_opcode or OpCodeOperandKind.seg_reg ? first : first + operand);
        return true;
    }

    private static bool SetImmediate(ref Instruction instruction, int operand, OpCodeOperandKind kind)
    {
        OpKind immediate = kind switch
        {
            OpCodeOperandKind.imm8 or OpCodeOperandKind.imm8_const_1 => OpKind.Immediate8,
            OpCodeOperandKind.imm8sex16 => OpKind.Immediate8to16,
            OpCodeOperandKind.imm8sex32 => OpKind.Immediate8to32,
            OpCodeOperandKind.imm8sex64 => OpKind.Immediate8to64,
            OpCodeOperandKind.imm16 => OpKind.Immediate16,
            OpCodeOperandKind.imm32 => OpKind.Immediate32,
            OpCodeOperandKind.imm32sex64 => OpKind.Immediate32to64,
            OpCodeOperandKind.imm64 => OpKind.Immediate64,
            OpCodeOperandKind.br64_1 or OpCodeOperandKind.br64_4 => OpKind.NearBranch64,
            OpCodeOperandKind.br32_1 or OpCodeOperandKind.br32_4 => OpKind.NearBranch32,
            OpCodeOperandKind.br16_1 or OpCodeOperandKind.br16_2 => OpKind.NearBranch16,
            OpCodeOperandKind.farbr2_2 => OpKind.FarBranch16,
            OpCodeOperandKind.farbr4_2 => OpKind.FarBranch32,
            _ => OpKind.Register,
        };
        if (immediate == OpKind.Register)
        {
            return false;
        }

        instruction.SetOpKind(operand, immediate);
        // Not 0 where a count of 0 would leave the flags alone.
        if (kind is OpCodeOperandKind.imm8_const_1 or OpCodeOperandKind.imm8)
        {
            instruction.Immediate8 = 1;
        }

        return true;
    }
}
