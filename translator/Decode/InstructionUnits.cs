using Iced.Intel;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Translator.Lift;

namespace Jitvmm.Translator.Decode;

/// <summary>Which <see cref="ProcessorUnit"/> an instruction needs, from the decoder's tables.</summary>
public static class InstructionUnits
{
    public static ProcessorUnit Of(in Instruction instruction)
    {
        switch (instruction.Mnemonic)
        {
            case Mnemonic.Wait:
                return ProcessorUnit.Wait;
            case Mnemonic.Fxsave or Mnemonic.Fxsave64 or Mnemonic.Fxrstor or Mnemonic.Fxrstor64:
                return ProcessorUnit.LegacyState;
            case Mnemonic.Xsave or Mnemonic.Xsave64 or Mnemonic.Xsaveopt or Mnemonic.Xsaveopt64 or Mnemonic.Xsavec or Mnemonic.Xsavec64
                or Mnemonic.Xrstor or Mnemonic.Xrstor64:
                return ProcessorUnit.ExtendedState;
            case Mnemonic.Fninit or Mnemonic.Fnclex or Mnemonic.Fnstsw or Mnemonic.Fnstcw or Mnemonic.Fnstenv or Mnemonic.Fnsave:
                return ProcessorUnit.X87NoWait;
        }

        if (X87Encoding.Is(instruction.Code))
        {
            return ProcessorUnit.X87;
        }

        if (CodeFacts.IsVex(instruction.Code))
        {
            return UsesVectors(instruction) ? ProcessorUnit.Avx : ProcessorUnit.VexGeneral;
        }

        foreach (CpuidFeature feature in instruction.CpuidFeatures)
        {
            switch (feature)
            {
                case CpuidFeature.MMX:
                    return ProcessorUnit.Mmx;
                case CpuidFeature.SSE or CpuidFeature.SSE2 or CpuidFeature.SSE3 or CpuidFeature.SSSE3 or CpuidFeature.SSE4_1 or CpuidFeature.SSE4_2
                    or CpuidFeature.AES or CpuidFeature.PCLMULQDQ or CpuidFeature.SHA:
                    return OfVectorInstruction(instruction);
            }
        }

        return ProcessorUnit.None;
    }

    /// <summary>Some of those extensions' instructions touch neither kind of vector register (SDM vol. 3A, 13.1.2).</summary>
    private static ProcessorUnit OfVectorInstruction(in Instruction instruction)
    {
        if (instruction.Mnemonic is Mnemonic.Ldmxcsr or Mnemonic.Stmxcsr)
        {
            return ProcessorUnit.Sse;
        }

        ProcessorUnit unit = ProcessorUnit.None;
        for (int operand = 0; operand < instruction.OpCount; operand++)
        {
            if (instruction.GetOpKind(operand) == OpKind.Register)
            {
                Register register = instruction.GetOpRegister(operand);
                unit = register.IsVectorRegister() ? ProcessorUnit.Sse : register.IsMM() && unit == ProcessorUnit.None ? ProcessorUnit.Mmx : unit;
            }
        }

        return unit;
    }

    private static bool UsesVectors(in Instruction instruction)
    {
        if (instruction.OpCount == 0 || instruction.Mnemonic is Mnemonic.Vldmxcsr or Mnemonic.Vstmxcsr)
        {
            return true;
        }

        for (int operand = 0; operand < instruction.OpCount; operand++)
        {
            if (instruction.GetOpKind(operand) == OpKind.Register && instruction.GetOpRegister(operand).IsVectorRegister())
            {
                return true;
            }
        }

        return false;
    }
}
