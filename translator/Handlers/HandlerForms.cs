using Iced.Intel;
using Jitvmm.Runtime.CodeCache;
using Jitvmm.Runtime.Interpret;
using Jitvmm.Translator.Decode;
using Jitvmm.Translator.Lift;

namespace Jitvmm.Translator.Handlers;

/// <summary>Which tier-0 handler serves an instruction, and how its operands go into a record.</summary>
public static class HandlerForms
{
    /// <summary>Whether an instruction may be joined with the conditional branch after it into one handler.</summary>
    public static bool CanFuse(in Instruction first, int addressing) => addressing is HandlerForm.Register or HandlerForm.BaseDisplacement && IsFusable(first.Code);

    public static int AddressingOf(in Instruction instruction)
    {
        for (int operand = 0; operand < instruction.OpCount; operand++)
        {
            switch (instruction.GetOpKind(operand))
            {
                case OpKind.MemorySegESI or OpKind.MemoryESEDI or OpKind.MemorySegRDI or OpKind.MemorySegEDI or OpKind.MemorySegDI:
                    return HandlerForm.General;
                case OpKind.Memory:
                    return IsSimple(instruction) ? HandlerForm.BaseDisplacement : HandlerForm.General;
            }
        }

        return HandlerForm.Register;
    }

    /// <summary>The same for 16- and 32-bit code: whatever touches memory, its own or the stack, has a handler of its own.</summary>
    public static int LegacyAddressingOf(in Instruction instruction) =>
        instruction.IsStringInstruction || instruction.IsStackInstruction || AddressingOf(instruction) != HandlerForm.Register
            ? HandlerForm.Legacy
            : HandlerForm.Register;

    public static int PrefixOf(in Instruction instruction)
    {
        if (instruction.HasLockPrefix)
        {
            return HandlerForm.LockOrRep;
        }

        if (!instruction.IsStringInstruction)
        {
            return HandlerForm.NoPrefix;
        }

        return instruction.HasRepnePrefix ? HandlerForm.Repne : instruction.HasRepPrefix ? HandlerForm.LockOrRep : HandlerForm.NoPrefix;
    }

    /// <summary>The same for 16- and 32-bit code, where an operand in a register does not tell from one in memory by its addressing.</summary>
    public static int LegacyPrefixOf(in Instruction instruction) =>
        instruction.IsStackInstruction && !Operands.HasMemory(instruction) ? HandlerForm.StackOnly : PrefixOf(instruction);

    /// <summary>Whether the general-purpose families, hot enough for a second addressing variant, hold this code.</summary>
    public static bool HasSimpleAddressing(in Instruction instruction)
    {
        foreach (CpuidFeature feature in instruction.CpuidFeatures)
        {
            if (feature is CpuidFeature.SSE or CpuidFeature.SSE2)
            {
                return instruction.Mnemonic is Mnemonic.Movups or Mnemonic.Movaps or Mnemonic.Movdqu or Mnemonic.Movdqa or Mnemonic.Movsd
                    or Mnemonic.Movss or Mnemonic.Movq or Mnemonic.Movd or Mnemonic.Addsd or Mnemonic.Mulsd or Mnemonic.Subsd or Mnemonic.Divsd;
            }

            if (feature is CpuidFeature.INTEL8086 or CpuidFeature.INTEL186 or CpuidFeature.INTEL286 or CpuidFeature.INTEL386
                or CpuidFeature.INTEL486 or CpuidFeature.X64 or CpuidFeature.CMOV)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Fills the record of an instruction of 16- or 32-bit code.</summary>
    /// <param name="op">The record.</param>
    /// <param name="instruction">The instruction.</param>
    /// <param name="stackMask">The part of RSP that is the stack pointer.</param>
    public static unsafe void FillLegacy(TbOp* op, in Instruction instruction, uint stackMask)
    {
        Fill(op, instruction);
        if (instruction.Op0Kind is OpKind.FarBranch16 or OpKind.FarBranch32)
        {
            op->Immediate = Operands.FarTarget(instruction) | ((ulong)instruction.FarBranchSelector << 32);
        }

        bool hasMemory = AddressingOf(instruction) != HandlerForm.Register || instruction.IsStringInstruction;
        if (hasMemory)
        {
            op->Segment = (ushort)SystemPlaces.SegmentBase(instruction.MemorySegment);
            op->AddressMask = HasShortAddress(instruction) ? ushort.MaxValue : uint.MaxValue;
        }

        if (!instruction.IsStackInstruction)
        {
            return;
        }

        if (Operands.HasMemory(instruction))
        {
            op->Immediate = stackMask;
        }
        else
        {
            op->Displacement = stackMask;
        }
    }

    private static bool HasShortAddress(in Instruction instruction)
    {
        for (int operand = 0; operand < instruction.OpCount; operand++)
        {
            switch (instruction.GetOpKind(operand))
            {
                case OpKind.MemorySegSI or OpKind.MemorySegDI or OpKind.MemoryESDI:
                    return true;
                case OpKind.Memory:
                    return instruction.MemoryBase.GetSize() == 2 || instruction.MemoryIndex.GetSize() == 2
                        || (instruction.MemoryBase == Register.None && instruction.MemoryIndex == Register.None && instruction.MemoryDisplSize == 2);
            }
        }

        return false;
    }

    /// <summary>Fills the operand fields of a record from a decoded instruction.</summary>
    public static unsafe void Fill(TbOp* op, in Instruction instruction)
    {
        op->Address = instruction.IP;
        op->Length = (byte)instruction.Length;
        op->AddressMask = ulong.MaxValue;
        op->Segment = Runtime.Cpu.CpuState.ZeroOffset;
        op->Base = Runtime.Cpu.CpuState.ZeroOffset;
        op->Index = Runtime.Cpu.CpuState.ZeroOffset;
        if (instruction.FlowControl is FlowControl.ConditionalBranch or FlowControl.UnconditionalBranch or FlowControl.Call
            && instruction.Op0Kind is OpKind.NearBranch16 or OpKind.NearBranch32 or OpKind.NearBranch64)
        {
            op->Relative = (int)(long)(instruction.NearBranchTarget - instruction.NextIP);
            op->AddressMask = 0;
        }

        if (X87Encoding.Is(instruction.Code))
        {
            op->Immediate = X87Encoding.Of(instruction);
        }

        for (int operand = 0; operand < instruction.OpCount; operand++)
        {
            switch (instruction.GetOpKind(operand))
            {
                case OpKind.Register:
                    FillRegister(op, instruction, operand);
                    break;
                case OpKind.Memory:
                    FillMemory(op, instruction);
                    break;
                case OpKind.MemorySegRDI or OpKind.MemorySegEDI or OpKind.MemorySegDI:
                    op->Base = (ushort)Operands.OffsetOf(Register.RDI);
                    op->AddressMask = instruction.Op0Kind == OpKind.MemorySegEDI ? uint.MaxValue : ulong.MaxValue;
                    FillSegment(op, instruction);
                    break;
                case OpKind.MemorySegRSI or OpKind.MemorySegESI:
                    FillSegment(op, instruction);
                    break;
                case OpKind.Immediate8 or OpKind.Immediate8to16 or OpKind.Immediate8to32 or OpKind.Immediate8to64 or OpKind.Immediate16
                    or OpKind.Immediate32 or OpKind.Immediate32to64 or OpKind.Immediate64:
                    op->Immediate = CutImmediate(instruction, operand);
                    break;
                case OpKind.Immediate8_2nd:
                    op->Immediate |= (ulong)instruction.Immediate8_2nd << 16;
                    break;
            }
        }
    }

    /// <summary>An immediate as the lifts expect it: cut to the width at which the instruction reads it.</summary>
    private static ulong CutImmediate(in Instruction instruction, int operand)
    {
        ulong value = instruction.GetImmediate(operand);
        return instruction.GetOpKind(operand) switch
        {
            OpKind.Immediate8 => (byte)value,
            OpKind.Immediate8to16 or OpKind.Immediate16 => (ushort)value,
            OpKind.Immediate8to32 or OpKind.Immediate32 => (uint)value,
            _ => value,
        };
    }

    private static unsafe void FillRegister(TbOp* op, in Instruction instruction, int operand)
    {
        Register register = instruction.GetOpRegister(operand);
        OpCodeOperandKind kind = CodeFacts.OperandKind(instruction.Code, operand);
        bool isSystem = kind is OpCodeOperandKind.cr_reg or OpCodeOperandKind.dr_reg;
        if (!Operands.IsEncoded(kind) && kind != OpCodeOperandKind.seg_reg && !isSystem)
        {
            return;
        }

        ushort offset = (ushort)(isSystem ? register.GetNumber()
            : kind == OpCodeOperandKind.seg_reg ? Operands.SelectorOffset(register) : Operands.OffsetOf(register));
        switch (operand)
        {
            case 0:
                op->R0 = offset;
                break;
            case 1:
                op->R1 = offset;
                break;
            case 2:
                op->R2 = offset;
                break;
            default:
                op->R3 = offset;
                break;
        }
    }

    private static unsafe void FillMemory(TbOp* op, in Instruction instruction)
    {
        FillSegment(op, instruction);
        if (instruction.IsIPRelativeMemoryOperand)
        {
            op->Displacement = instruction.IPRelativeMemoryAddress;
            return;
        }

        op->Displacement = instruction.MemoryDisplacement64;
        op->Base = (ushort)Operands.OffsetOf(instruction.MemoryBase.GetFullRegister());
        // XLAT's index is AL alone, which its handler knows.
        op->Index = (ushort)Operands.OffsetOf(instruction.MemoryIndex == Register.AL ? Register.None : instruction.MemoryIndex.GetFullRegister());
        op->Scale = (byte)System.Numerics.BitOperations.Log2((uint)instruction.MemoryIndexScale);
        if (Operands.HasNarrowAddress(instruction))
        {
            op->AddressMask = uint.MaxValue;
        }
    }

    private static unsafe void FillSegment(TbOp* op, in Instruction instruction)
    {
        if (instruction.MemorySegment is Register.FS or Register.GS)
        {
            op->Segment = (ushort)Operands.OffsetOf(instruction.MemorySegment);
        }
    }

    private static bool IsSimple(in Instruction i) => i.MemoryIndex == Register.None && !Operands.HasNarrowAddress(i)
        && i.MemorySegment is not (Register.FS or Register.GS) && HasSimpleAddressing(i);

    private static bool IsFusable(Code code) => code is
        Code.Cmp_rm64_imm8 or Code.Cmp_rm64_imm32 or Code.Cmp_rm64_r64 or Code.Cmp_r64_rm64
        or Code.Cmp_rm32_imm8 or Code.Cmp_rm32_imm32 or Code.Cmp_rm32_r32 or Code.Cmp_r32_rm32
        or Code.Cmp_rm8_imm8 or Code.Cmp_r8_rm8 or Code.Cmp_rm8_r8 or Code.Cmp_AL_imm8 or Code.Cmp_EAX_imm32 or Code.Cmp_RAX_imm32
        or Code.Cmp_rm16_imm8 or Code.Cmp_rm16_r16
        or Code.Test_rm64_r64 or Code.Test_rm32_r32 or Code.Test_rm8_r8 or Code.Test_rm8_imm8 or Code.Test_AL_imm8 or Code.Test_rm32_imm32;
}
