using Iced.Intel;

namespace Jitvmm.Translator.Lift;

internal static class InstructionExtensions
{
    /// <summary>Whether a LOOP counts in ECX: an address-size prefix.</summary>
    public static bool RawUsesEcx(this in Instruction instruction) => instruction.Code is
        Code.Loop_rel8_64_ECX or Code.Loope_rel8_64_ECX or Code.Loopne_rel8_64_ECX;
}
