using Iced.Intel;
using Jitvmm.Translator.Decode;

namespace Jitvmm.Tests.Runtime;

public sealed class CodeFactsTests
{
    [Fact]
    public void Every_opcode_has_the_facts_of_Iceds_own_table()
    {
        foreach (Code code in Enum.GetValues<Code>())
        {
            OpCodeInfo info = code.ToOpCode();
            Assert.True(CodeFacts.CanUseLockPrefix(code) == info.CanUseLockPrefix, $"{code}: LOCK");
            Assert.True(CodeFacts.IsVex(code) == (info.Encoding == EncodingKind.VEX), $"{code}: VEX");
            Assert.True(CodeFacts.AddressSize(code) == info.AddressSize, $"{code}: address size");
            for (int i = 0; i < info.OpCount; i++)
            {
                Assert.True(CodeFacts.OperandKind(code, i) == info.GetOpKind(i), $"{code}: operand {i}");
            }
        }
    }
}
