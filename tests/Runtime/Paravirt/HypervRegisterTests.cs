using System.Buffers.Binary;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Runtime.Paravirt.Hyperv;

namespace Jitvmm.Tests.Runtime.Paravirt;

/// <summary>Hyper-V's registers, the pages they place and the timers they set, with values no kernel writes (TLFS 2, 10 and 12).</summary>
public sealed class HypervRegisterTests : IDisposable
{
    private const ulong Record = 0x5000;
    private const ulong RamEnd = 0x10000;
    private const uint GuestId = 0x40000000;
    private const uint HypercallRegister = 0x40000001;
    private const uint Counter = 0x40000020;
    private const uint ReferenceTsc = 0x40000021;
    private const uint Assist = 0x40000073;
    private const uint Configuration = 0x400000b0;
    private const uint Count = 0x400000b1;
    private const ulong Direct = 0x1ed0;
    private const ulong Enable = 1;
    private const ulong Periodic = 2;
    private const ulong AutoEnable = 8;

    private readonly PhysicalMemory _memory = new();
    private readonly FakeParavirtualHost _host;
    private readonly ParavirtualCpu _cpu;

    public HypervRegisterTests()
    {
        _memory.AddRam(0, RamEnd);
        _host = new FakeParavirtualHost(_memory);
        _cpu = new HypervInterface().CreateCpu(_host);
    }

    [Theory]
    [InlineData(Assist, Record | 1, true)]
    [InlineData(Assist, RamEnd | 1, false)]
    [InlineData(Assist, ulong.MaxValue, false)]
    [InlineData(Assist, RamEnd, true)]
    [InlineData(ReferenceTsc, RamEnd | 1, true)]
    [InlineData(ReferenceTsc, ulong.MaxValue, true)]
    [InlineData(0x40000002u, 0ul, false)]
    [InlineData(0x40000003u, 1ul, false)]
    [InlineData(0x40000022u, 0ul, false)]
    [InlineData(0x40000072u, 0x100ul, false)]
    [InlineData(0x40000080u, 1ul, false)]
    [InlineData(0x400000b8u, 1ul, false)]
    [InlineData(0x40000118u, 1ul, false)]
    public void Malformed_values_raise_or_are_ignored_and_write_nowhere_else(uint register, ulong value, bool isAccepted)
    {
        byte[] before = Bytes(RamEnd - 0x1000, 0x1000);
        Assert.Equal(isAccepted, _cpu.TryWriteMsr(register, value));
        Assert.Equal(before, Bytes(RamEnd - 0x1000, 0x1000));
    }

    [Theory]
    [InlineData(HypervFeatures.ReferenceCounter, Counter)]
    [InlineData(HypervFeatures.ReferenceTsc, ReferenceTsc)]
    [InlineData(HypervFeatures.Frequencies, 0x40000022u)]
    [InlineData(HypervFeatures.Frequencies, 0x40000023u)]
    [InlineData(HypervFeatures.Apic, 0x40000071u)]
    [InlineData(HypervFeatures.Apic, 0x40000072u)]
    [InlineData(HypervFeatures.Timers, Configuration)]
    [InlineData(HypervFeatures.Timers, 0x400000b7u)]
    public void Without_its_feature_a_register_is_not_there(HypervFeatures feature, uint register)
    {
        Assert.False(new HypervInterface(HypervFeatures.All & ~feature).CreateCpu(_host).TryReadMsr(register, out _));
        Assert.True(new HypervInterface(feature).CreateCpu(_host).TryReadMsr(register, out _));
    }

    [Theory]
    [InlineData(1_000_000_000u)]
    [InlineData(3_700_000_001u)]
    [InlineData(10_000_001u)]
    public void Page_and_counter_tell_the_same_time(uint frequency)
    {
        _host.TimeStampFrequency = frequency;
        _host.TimeStamp = 12_345ul * frequency;
        Assert.True(_cpu.TryWriteMsr(ReferenceTsc, Record | 1));
        Assert.NotEqual(0u, Word(Record) & uint.MaxValue);
        Assert.Equal(0ul, Word(Record + 16));
        for (int i = 0; i < 5; i++)
        {
            // What a guest computes (TLFS 12.7.3).
            ulong time = (ulong)(((UInt128)_host.TimeStamp * Word(Record + 8)) >> 64);
            Assert.True(_cpu.TryReadMsr(Counter, out ulong counter));
            Assert.Equal(counter, time);
            ulong exact = (ulong)((UInt128)_host.TimeStamp * 10_000_000 / frequency);
            Assert.InRange(time, exact - 1, exact);
            _host.TimeStamp += 77_777_777;
        }
    }

    [Fact]
    public void Interrupts_end_in_the_assist_page()
    {
        ILazyEndOfInterrupt end = _cpu.LazyEndOfInterrupt!;
        Assert.False(end.TryOffer());
        Assert.True(_cpu.TryWriteMsr(Assist, Record | 1));
        Assert.True(end.TryOffer());
        Assert.Equal(1ul, Word(Record));
        Assert.False(end.Withdraw());
        Assert.True(end.TryOffer());
        Assert.True(_memory.Write(Record, new byte[4]));
        Assert.True(end.Withdraw());
        Assert.True(_cpu.TryWriteMsr(Assist, 0));
        Assert.False(end.TryOffer());
    }

    [Fact]
    public void Without_the_feature_the_assist_page_ends_nothing()
    {
        ParavirtualCpu without = new HypervInterface(HypervFeatures.All & ~HypervFeatures.Apic).CreateCpu(_host);
        Assert.True(without.TryWriteMsr(Assist, Record | 1));
        Assert.Null(without.LazyEndOfInterrupt);
    }

    [Fact]
    public void Registers_of_the_interrupt_controller_reach_it()
    {
        Assert.True(_cpu.TryWriteMsr(0x40000070, 0));
        Assert.True(_cpu.TryWriteMsr(0x40000071, 0x0100_0000_0000_00fd));
        Assert.True(_cpu.TryWriteMsr(0x40000072, 0x20));
        Assert.False(_cpu.TryReadMsr(0x40000070, out _));
        Assert.True(_cpu.TryReadMsr(0x40000071, out ulong command) && command == 0x0100_0000_0000_00fd);
        Assert.True(_cpu.TryReadMsr(0x40000072, out ulong priority) && priority == 0x20);
        Assert.Equal("end", Assert.Single(_host.Asked));
    }

    [Fact]
    public void A_timer_expires_once_when_its_time_has_come()
    {
        Write(Configuration, Direct | AutoEnable);
        Write(Count, 500);
        Assert.Equal(Direct | AutoEnable | Enable, Read(Configuration));
        Assert.Equal(50_001, _host.Alarms[0].Deadline);

        // A ring that comes too early is none.
        _host.Now = 50_000;
        _host.Alarms[0].Ring();
        Assert.Empty(_host.Asked);
        Assert.Equal(50_001, _host.Alarms[0].Deadline);
        _host.Now = 50_001;
        _host.Alarms[0].Ring();
        _host.Alarms[0].Ring();
        Assert.Equal(["ed to 0"], _host.Asked);
        Assert.Equal(Direct | AutoEnable, Read(Configuration));

        // Time that has passed already.
        Write(Count, 1);
        Assert.Equal(["ed to 0", "ed to 0"], _host.Asked);
        Write(Count, ulong.MaxValue);
        Assert.Equal(long.MaxValue, _host.Alarms[0].Deadline);
        Assert.Equal(2, _host.Asked.Count);
    }

    [Fact]
    public void A_periodic_timer_goes_on_until_it_is_stopped()
    {
        Write(Configuration + 6, Direct | Periodic);
        Write(Count + 6, 1000);
        Assert.Equal(long.MaxValue, _host.Alarms[3].Deadline);
        Write(Configuration + 6, Direct | Periodic | Enable);
        Assert.Equal(100_000, _host.Alarms[3].Deadline);
        _host.Now = 350_000;
        _host.Alarms[3].Ring();
        Assert.Equal(400_000, _host.Alarms[3].Deadline);
        Write(Count + 6, 0);
        Assert.Equal(Direct | Periodic, Read(Configuration + 6));
        _host.Now = 500_000;
        _host.Alarms[3].Ring();
        Assert.Equal(["ed to 0"], _host.Asked);

        // No host has time for a period this short.
        Write(Count + 6, 1);
        Write(Configuration + 6, Direct | Periodic | Enable);
        Assert.Equal(550_000, _host.Alarms[3].Deadline);
    }

    [Theory]
    [InlineData(Direct | Enable, 0ul)]
    [InlineData(0x20ed0 | Enable, 500ul)]
    [InlineData((Direct & ~0x1000ul) | Enable | AutoEnable, 500ul)]
    public void A_timer_without_count_or_for_messages_is_not_enabled(ulong configuration, ulong count)
    {
        Write(Count, count);
        Write(Configuration, configuration);
        Assert.Equal(0ul, Read(Configuration) & Enable);
        Assert.Equal(long.MaxValue, _host.Alarms[0].Deadline);
    }

    [Fact]
    public void State_goes_on_in_another_machine_without_writing_its_memory()
    {
        Write(GuestId, 0x8100);
        Write(HypercallRegister, 0x3001);
        Write(ReferenceTsc, Record | 1);
        Write(Assist, 0x6001);
        Write(Configuration, Direct | AutoEnable);
        Write(Count, 500);
        ulong[] state = _cpu.SaveState();
        Assert.Equal(17, state.Length);
        byte[] memory = Bytes(0, (int)RamEnd);
        var hyperv = new HypervInterface();
        ParavirtualCpu other = hyperv.CreateCpu(_host);
        Assert.True(other.TryRestoreState(state));
        Assert.Equal(state, other.SaveState());
        Assert.Equal(memory, Bytes(0, (int)RamEnd));
        Assert.True(hyperv.Sites.Page!.Owns(0x3000));
        Assert.Equal(50_001, _host.Alarms[4].Deadline);
        Assert.True(other.LazyEndOfInterrupt!.TryOffer());
    }

    [Theory]
    [InlineData(0, 0ul)]
    [InlineData(1, RamEnd | 1)]
    [InlineData(3, RamEnd | 1)]
    [InlineData(5, 1ul << 40)]
    [InlineData(5, Enable)]
    [InlineData(7, 5ul)]
    [InlineData(7, ulong.MaxValue)]
    public void State_that_is_none_is_refused(int word, ulong value)
    {
        Write(GuestId, 0x8100);
        Write(HypercallRegister, 0x3001);
        ulong[] state = _cpu.SaveState();
        Assert.True(_cpu.TryRestoreState(state));
        state[word] = value;
        Assert.False(_cpu.TryRestoreState(state));
        Assert.False(_cpu.TryRestoreState(state.AsSpan(1)));
    }

    [Fact]
    public void Cpuid_carries_signatures_features_and_recommendations()
    {
        var hyperv = new HypervInterface();
        Assert.Equal(new CpuidLeaf(0x40000005, 0x7263694d, 0x666f736f, 0x76482074), hyperv.QueryCpuid(0x40000000));
        Assert.Equal(0x31237648u, hyperv.QueryCpuid(0x40000001).Eax);
        Assert.Equal(new CpuidLeaf(0xa7a, 0, 0, 0x80100), hyperv.QueryCpuid(0x40000003));
        Assert.Equal(new CpuidLeaf(0xc2c, uint.MaxValue, 0, 0), hyperv.QueryCpuid(0x40000004));
        Assert.Equal(default, hyperv.QueryCpuid(0x40000006));
        var bare = new HypervInterface(HypervFeatures.None);
        Assert.Equal(new CpuidLeaf(0x60, 0, 0, 0), bare.QueryCpuid(0x40000003));
        Assert.Equal(new CpuidLeaf(0x20, uint.MaxValue, 0, 0), bare.QueryCpuid(0x40000004));
        Assert.False(bare.HidesInvariantTimeStamp);
    }

    public void Dispose() => _memory.Dispose();

    private void Write(uint register, ulong value) => Assert.True(_cpu.TryWriteMsr(register, value));

    private ulong Read(uint register)
    {
        Assert.True(_cpu.TryReadMsr(register, out ulong value));
        return value;
    }

    private ulong Word(ulong address) => BinaryPrimitives.ReadUInt64LittleEndian(Bytes(address, 8));

    private byte[] Bytes(ulong address, int count)
    {
        byte[] bytes = new byte[count];
        Assert.True(_memory.Read(address, bytes));
        return bytes;
    }
}
