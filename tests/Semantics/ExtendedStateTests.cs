using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Host;
using Jitvmm.Runtime.Semantics;
using Jitvmm.Tests.Differential;

namespace Jitvmm.Tests.Semantics;

public sealed unsafe class ExtendedStateTests : IDisposable
{
    private const int BaseOffset = 3072;
    private const int OutputOffset = 1024;
    private const int MxcsrOffset = 2048;
    private const int BufferSize = 4096;
    private const int Rounds = 300;
    private const ulong All = ExtendedState.EnabledComponents;

    private readonly X87Operands _operands = new(13);
    private readonly byte* _state = (byte*)NativeMemory.AlignedAlloc(NativeX87.StateSize, 64);
    private readonly byte* _host = (byte*)NativeMemory.AlignedAlloc(BufferSize, 64);
    private readonly byte* _ours = (byte*)NativeMemory.AlignedAlloc(BufferSize, 64);
    private readonly CpuState* _cpu = (CpuState*)NativeMemory.AlignedAlloc(CpuState.Size, 64);

    public void Dispose()
    {
        SystemSemantics.WriteMxcsr(_cpu, ExtendedState.InitialMxcsr);
        NativeMemory.AlignedFree(_state);
        NativeMemory.AlignedFree(_host);
        NativeMemory.AlignedFree(_ours);
        NativeMemory.AlignedFree(_cpu);
    }

    [X64HostTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void Xrstor_then_xsave_agrees_with_the_host(bool wide)
    {
        using NativeX87 native = new(AfterLoadingBase(
        [
            .. Wide(wide, 0x0f, 0xae, 0x2e), // xrstor [rsi]
            0xb8, 7, 0, 0, 0, 0x31, 0xd2, // mov eax, 7; xor edx, edx
            .. Wide(wide, 0x0f, 0xae, 0xa6, 0, 4, 0, 0), // xsave [rsi+1024]
        ]));
        for (int round = 0; round < Rounds; round++)
        {
            Uninterrupted(() =>
            {
                FillAreas();
                PrepareHeader(_host, present: _operands.Next() & All, isCompacted: _operands.Below(2) == 0);
                ulong requested = RunOnBoth(native, out ulong present);
                Assert.True(ExtendedState.Xrstor(_cpu, _ours, requested, wide ? 64 : 32, 16));
                ExtendedState.Xsave(_cpu, _ours + OutputOffset, All, wide ? 64 : 32, 16);
                AssertSameOutput($"round {round}, requested {requested}, present {present}", comparesHeader: false);
            });
        }
    }

    [X64HostTheory]
    [InlineData(false, true)]
    [InlineData(false, false)]
    [InlineData(true, true)]
    [InlineData(true, false)]
    public void Saving_agrees_with_the_host(bool isCompacted, bool wide)
    {
        byte[] save = isCompacted ? Wide(wide, 0x0f, 0xc7, 0xa6, 0, 4, 0, 0) : Wide(wide, 0x0f, 0xae, 0xa6, 0, 4, 0, 0);
        using NativeX87 native = new(AfterLoadingBase(save));
        for (int round = 0; round < Rounds; round++)
        {
            Uninterrupted(() =>
            {
                FillAreas();
                ulong requested = RunOnBoth(native, out _);
                if (isCompacted)
                {
                    ExtendedState.Xsavec(_cpu, _ours + OutputOffset, requested, wide ? 64 : 32, 16);
                }
                else
                {
                    ExtendedState.Xsave(_cpu, _ours + OutputOffset, requested, wide ? 64 : 32, 16);
                }

                AssertSameOutput($"round {round}, requested {requested}", comparesHeader: true);
            });
        }
    }

    [X64HostTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void Fxrstor_then_fxsave_agrees_with_the_host(bool wide)
    {
        using NativeX87 native = new(AfterLoadingBase(
            [.. Wide(wide, 0x0f, 0xae, 0x0e), .. Wide(wide, 0x0f, 0xae, 0x86, 0, 4, 0, 0)]));
        for (int round = 0; round < Rounds; round++)
        {
            Uninterrupted(() =>
            {
                FillAreas();
                RunOnBoth(native, out _);
                Assert.True(ExtendedState.Fxrstor(_cpu, _ours, wide ? 64 : 32, 16));
                ExtendedState.Fxsave(_cpu, _ours + OutputOffset, wide ? 64 : 32, 16);
                if (!wide && IntelTolerance.IsIntelHost)
                {
                    ForgetSelectors(_host + OutputOffset);
                    ForgetSelectors(_ours + OutputOffset);
                }

                AssertSameOutput($"round {round}", comparesHeader: true);
            });
        }
    }

    /// <summary>Intel's processors no longer keep the x87 unit's selectors, and say so (CPUID.7.EBX bit 13).</summary>
    private static void ForgetSelectors(byte* area)
    {
        Unsafe.Write(area + 12, 0u);
        Unsafe.Write(area + 20, 0u);
    }

    /// <summary>
    /// The host's kernel saves x87 pointers in the 64-bit format, which has no selectors: they are lost when it takes the CPU away between loading and
    /// saving. A true difference shows every time.
    /// </summary>
    private static void Uninterrupted(Action comparison)
    {
        const int Attempts = 5;
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                comparison();
                return;
            }
            catch (Xunit.Sdk.TrueException) when (attempt < Attempts)
            {
                // Again, with new operands.
            }
        }
    }

    [Theory]
    [InlineData(8, 0, 0, 0x1f80, false)] // standard: a component beyond XCR0
    [InlineData(7, 1, 0, 0x1f80, false)] // standard: XCOMP_BV not zero
    [InlineData(7, 0, 1, 0x1f80, false)] // standard: reserved bytes
    [InlineData(7, 0, 0, 0x11f80, false)] // MXCSR's reserved bits
    [InlineData(1, 0, 0, 0x11f80, false)] // even when SSE is absent from the image
    [InlineData(7, long.MinValue | 3, 0, 0x1f80, false)] // compacted: more present than listed
    [InlineData(7, long.MinValue | 15, 0, 0x1f80, false)] // compacted: a component beyond XCR0
    [InlineData(3, long.MinValue | 7, 0, 0x1f80, true)]
    [InlineData(1, long.MinValue | 7, 0, 0x11f80, true)] // compacted: MXCSR belongs to SSE, which is absent
    [InlineData(7, 0, 0, 0x1f80, true)]
    public void Xrstor_checks_the_image(long present, long format, long reserved, uint mxcsr, bool isValid)
    {
        NativeMemory.Clear(_ours, BufferSize);
        Unsafe.Write(_ours + 24, mxcsr);
        Unsafe.Write(_ours + 512, present);
        Unsafe.Write(_ours + 520, format);
        Unsafe.Write(_ours + 528, reserved);
        NativeMemory.Fill(_cpu, CpuState.Size, 0x5a);
        Assert.Equal(isValid, ExtendedState.Xrstor(_cpu, _ours, All, 64, 16));
        Assert.Equal(isValid, _cpu->Mxcsr != 0x5a5a5a5a);
    }

    [Fact]
    public void Fxrstor_refuses_reserved_mxcsr_bits()
    {
        NativeMemory.Clear(_ours, BufferSize);
        Unsafe.Write(_ours + 24, 0x10000u);
        Assert.False(ExtendedState.Fxrstor(_cpu, _ours, 64, 16));
    }

    private static byte[] Wide(bool wide, params ReadOnlySpan<byte> code) => wide ? [0x48, .. code] : code.ToArray();

    /// <summary>Keeps our own MXCSR, loads every component from the base area, gets the requested components back, runs the code.</summary>
    private static byte[] AfterLoadingBase(byte[] code) =>
    [
        0x0f, 0xae, 0x9e, 0, 8, 0, 0, // stmxcsr [rsi+2048]
        0xb8, 7, 0, 0, 0, 0x31, 0xd2, // mov eax, 7; xor edx, edx
        0x48, 0x0f, 0xae, 0xae, 0, 0x0c, 0, 0, // xrstor64 [rsi+3072]
        0x48, 0x8b, 0x87, 0x10, 0x02, 0x00, 0x00, // mov rax, [rdi+528]
        .. code,
        0x0f, 0xae, 0x96, 0, 8, 0, 0, // ldmxcsr [rsi+2048]
    ];

    private ulong RunOnBoth(NativeX87 native, out ulong present)
    {
        ulong requested = _operands.Next() & All;
        present = Unsafe.Read<ulong>(_host + 512);
        Buffer.MemoryCopy(_host, _ours, BufferSize, BufferSize);
        NativeMemory.Clear(_state, NativeX87.StateSize);
        Unsafe.Write(_state, (ushort)0x37f);
        Unsafe.Write(_state + 24, 0x1f80u);
        Unsafe.Write(_state + NativeX87.FlagsIn, 0x202ul);
        Unsafe.Write(_state + NativeX87.Rax, requested);
        native.Run(_state, _host);
        NativeMemory.Clear(_cpu, CpuState.Size);
        bool restored = ExtendedState.Xrstor(_cpu, _ours + BaseOffset, All, 64, 16);

        // Restoring a guest's MXCSR loads the host's; the test's own arithmetic wants the usual one.
        HostCode.LoadMxcsr(0x1f80);
        Assert.True(restored);
        return requested;
    }

    private void FillAreas()
    {
        for (int i = 0; i < BufferSize; i += 8)
        {
            *(ulong*)(_host + i) = _operands.Next();
        }

        FillLegacy(_host);
        FillLegacy(_host + BaseOffset);
        PrepareHeader(_host + BaseOffset, All, isCompacted: false);
        NativeMemory.Clear(_host + OutputOffset + 512, 64);
    }

    private void FillLegacy(byte* area)
    {
        // Only exceptions whose pending is certain to survive: a context switch forgets the pointers of masked ones.
        Unsafe.Write(area, (ushort)0x0340);
        Unsafe.Write(area + 2, (ushort)(_operands.Next() | 0x20));
        Unsafe.Write(area + 8, _operands.Next() & 0x7fff_ffff_ffff);
        Unsafe.Write(area + 16, _operands.Next() & 0x7fff_ffff_ffff);

        // Sticky flags all set, as those of the running thread are counted in.
        Unsafe.Write(area + 24, ((uint)_operands.Next() & ExtendedState.MxcsrMask) | 0x3f);
    }

    private static void PrepareHeader(byte* area, ulong present, bool isCompacted)
    {
        NativeMemory.Clear(area + 512, 64);
        Unsafe.Write(area + 512, present);
        Unsafe.Write(area + 520, isCompacted ? 1ul << 63 | All : 0);
    }

    private void AssertSameOutput(string what, bool comparesHeader)
    {
        // The host's own MXCSR mask may have bits that ours has not.
        Span<byte> host = new(_host + OutputOffset, ExtendedState.AreaSize);
        Span<byte> ours = new(_ours + OutputOffset, ExtendedState.AreaSize);
        host[28..32].Clear();
        ours[28..32].Clear();
        if (!comparesHeader)
        {
            host[512..576].Clear();
            ours[512..576].Clear();
        }

        int difference = host.CommonPrefixLength(ours);
        Assert.True(
            difference == ExtendedState.AreaSize,
            difference == ExtendedState.AreaSize ? "" : $"{what}: byte {difference} is {ours[difference]:x2}, the host's {host[difference]:x2}");
    }
}
