using System.Runtime.InteropServices;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Semantics;

namespace Jitvmm.Tests.Semantics;

/// <summary>The real-mode layouts, which no 64-bit host can be asked about (SDM vol. 1, figures 8-9 to 8-12).</summary>
public sealed unsafe class X87EnvironmentTests : IDisposable
{
    private readonly CpuState* _cpu = (CpuState*)NativeMemory.AlignedAlloc(CpuState.Size, 64);
    private readonly byte* _buffer = (byte*)NativeMemory.AllocZeroed(128);

    public X87EnvironmentTests()
    {
        NativeMemory.Clear(_cpu, CpuState.Size);
        X87.Fninit(_cpu);
        X87.Fldpi(_cpu);
        X87.Fldz(_cpu);
        _cpu->X87.CodeSelector = 0x1234;
        _cpu->X87.InstructionPointer = 0x5678;
        _cpu->X87.DataSelector = 0xfedc;
        _cpu->X87.DataPointer = 0xba98;
        _cpu->X87.Opcode = 0x5e1;
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_cpu);
        NativeMemory.Free(_buffer);
    }

    [Fact]
    public void Real_mode_32_bit_layout_holds_linear_addresses()
    {
        X87.Fnstenv(_cpu, _buffer, X87EnvironmentFormat.Real32);
        uint[] expected = [0xffff037f, 0xffff3000, 0xffff1fff, 0xffff79b8, 0x15e1, 0xffffa858, 0x10000];
        Assert.Equal(expected, new ReadOnlySpan<uint>(_buffer, 7).ToArray());
    }

    [Fact]
    public void Real_mode_16_bit_layout_holds_linear_addresses()
    {
        X87.Fnstenv(_cpu, _buffer, X87EnvironmentFormat.Real16);
        ushort[] expected = [0x037f, 0x3000, 0x1fff, 0x79b8, 0x15e1, 0xa858, 0];
        Assert.Equal(expected, new ReadOnlySpan<ushort>(_buffer, 7).ToArray());
    }

    [Theory]
    [InlineData(X87EnvironmentFormat.Real16)]
    [InlineData(X87EnvironmentFormat.Real32)]
    [InlineData(X87EnvironmentFormat.Protected16)]
    [InlineData(X87EnvironmentFormat.Protected32)]
    public void Saving_and_restoring_brings_back_the_unit(X87EnvironmentFormat format)
    {
        Assert.Equal(format is X87EnvironmentFormat.Real16 or X87EnvironmentFormat.Protected16 ? 94 : 108, X87.SaveSize(format));
        X87State before = _cpu->X87;
        X87.Fnsave(_cpu, _buffer, format);
        Assert.Equal(0, _cpu->X87.ValidMask);
        X87.Frstor(_cpu, _buffer, format);
        Assert.Equal(before.ValidMask, _cpu->X87.ValidMask);
        Assert.Equal(before.Top, _cpu->X87.Top);
        Assert.Equal(before.ControlWord, _cpu->X87.ControlWord);
        for (int i = 0; i < 128; i++)
        {
            Assert.Equal(before.Registers[i], _cpu->X87.Registers[i]);
        }
    }

    [Fact]
    public void An_unmasked_exception_stays_pending_until_cleared()
    {
        X87.Fldcw(_cpu, 0x037e);
        Assert.False(X87.HasUnmaskedError(_cpu));
        X87.FldM32(_cpu, 0x7f800001);
        Assert.True(X87.HasUnmaskedError(_cpu));
        X87.Fnclex(_cpu);
        Assert.False(X87.HasUnmaskedError(_cpu));
    }
}
