using Iced.Intel;

namespace Jitvmm.Translator.Decode;

/// <summary>
/// What the translator asks of an opcode. Iced's <see cref="OpCodeInfo"/> knows it too, but makes the texts of all opcodes
/// when the first one is asked for, a third of the start of a short program.
/// </summary>
public static partial class CodeFacts
{
    private const int LockShift = 40;
    private const int VexShift = 41;
    private const int AddressSizeShift = 48;

    /// <summary>How an operand is encoded.</summary>
    public static OpCodeOperandKind OperandKind(Code code, int operand) => (OpCodeOperandKind)(byte)(Table[(int)code] >> (8 * operand));

    public static bool CanUseLockPrefix(Code code) => (Table[(int)code] >> LockShift & 1) != 0;

    /// <summary>Encoded with a VEX prefix.</summary>
    public static bool IsVex(Code code) => (Table[(int)code] >> VexShift & 1) != 0;

    /// <summary>16, 32 or 64 where the opcode fixes the address size, otherwise 0.</summary>
    public static int AddressSize(Code code) => (byte)(Table[(int)code] >> AddressSizeShift);

    /// <summary>One word of the table, for the generator that prints it: five operand kinds, a bit each for LOCK and VEX, the address size.</summary>
    public static ulong Pack(OpCodeInfo info)
    {
        ulong facts = (info.CanUseLockPrefix ? 1ul << LockShift : 0) | (info.Encoding == EncodingKind.VEX ? 1ul << VexShift : 0)
            | (ulong)info.AddressSize << AddressSizeShift;
        for (int i = 0; i < info.OpCount; i++)
        {
            facts |= (ulong)info.GetOpKind(i) << (8 * i);
        }

        return facts;
    }
}
