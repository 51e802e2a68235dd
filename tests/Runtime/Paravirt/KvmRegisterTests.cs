using System.Buffers.Binary;
using Jitvmm.Runtime.Callouts;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt;
using Jitvmm.Runtime.Paravirt.Kvm;
using Jitvmm.Tests.Runtime.Callouts;

namespace Jitvmm.Tests.Runtime.Paravirt;

/// <summary>KVM's registers, the records they place, and calls with arguments no kernel passes (Linux, Documentation/virt/kvm/x86/msr.rst and hypercalls.rst).</summary>
public sealed unsafe class KvmRegisterTests : IDisposable
{
    private const ulong Record = 0x5040;
    private const ulong RamEnd = 0x10000;
    private const ulong Rom = 0x20000;
    private const uint OldWallClock = 0x11;
    private const uint OldSystemTime = 0x12;
    private const uint WallClock = 0x4b564d00;
    private const uint SystemTime = 0x4b564d01;
    private const uint StealTime = 0x4b564d03;
    private const uint EndOfInterrupt = 0x4b564d04;
    private const int PreemptedOffset = 16;

    private readonly PhysicalMemory _memory = new();
    private readonly FakeParavirtualHost _host;
    private readonly ParavirtualCpu _cpu;

    public KvmRegisterTests()
    {
        _memory.AddRam(0, RamEnd);
        _memory.AddRom(Rom, new byte[0x1000]);
        _host = new FakeParavirtualHost(_memory);
        _cpu = new KvmInterface().CreateCpu(_host);
    }

    [Theory]
    [InlineData(StealTime, Record | 1, true)]
    [InlineData(StealTime, Record | 3, false)]
    [InlineData(StealTime, Record | 0x21, false)]
    [InlineData(StealTime, RamEnd | 1, true)]
    [InlineData(StealTime, ~0x3ful | 1, true)]
    [InlineData(EndOfInterrupt, Record | 1, true)]
    [InlineData(EndOfInterrupt, Record | 2, false)]
    [InlineData(EndOfInterrupt, Record | 3, false)]
    [InlineData(EndOfInterrupt, RamEnd | 1, false)]
    [InlineData(EndOfInterrupt, Rom | 1, false)]
    [InlineData(EndOfInterrupt, ~3ul | 1, false)]
    [InlineData(EndOfInterrupt, RamEnd, true)]
    [InlineData(SystemTime, Rom | 1, true)]
    [InlineData(SystemTime, ulong.MaxValue, true)]
    [InlineData(OldSystemTime, (RamEnd - 4) | 1, true)]
    [InlineData(WallClock, ulong.MaxValue, true)]
    [InlineData(OldWallClock, RamEnd - 8, true)]
    [InlineData(0x4b564d02u, 0ul, false)]
    [InlineData(0x4b564d05u, 0ul, false)]
    [InlineData(0x4b564dffu, 0ul, false)]
    public void Malformed_values_raise_or_are_ignored_and_write_nowhere_else(uint register, ulong value, bool isAccepted)
    {
        byte[] before = Bytes(RamEnd - 0x1000, 0x1000);
        Assert.Equal(isAccepted, _cpu.TryWriteMsr(register, value));
        _host.Now = 10_000_000;
        _host.TimeKeptWaiting = 5;
        _cpu.InterruptTaken();
        _cpu.Halting();
        _cpu.Running();
        Assert.Equal(isAccepted, _cpu.TryReadMsr(register, out ulong read) && read == value);
        Assert.Equal(before, Bytes(RamEnd - 0x1000, 0x1000));
        Assert.Equal(new byte[0x1000], Bytes(Rom, 0x1000));
    }

    [Theory]
    [InlineData(KvmFeatures.OldClock, OldWallClock)]
    [InlineData(KvmFeatures.OldClock, OldSystemTime)]
    [InlineData(KvmFeatures.Clock, WallClock)]
    [InlineData(KvmFeatures.Clock, SystemTime)]
    [InlineData(KvmFeatures.StealTime, StealTime)]
    [InlineData(KvmFeatures.EndOfInterrupt, EndOfInterrupt)]
    public void Without_its_feature_a_register_is_not_there(KvmFeatures feature, uint register)
    {
        ParavirtualCpu without = new KvmInterface(KvmFeatures.All & ~feature).CreateCpu(_host);
        Assert.False(without.TryWriteMsr(register, 0) || without.TryReadMsr(register, out _));
        ParavirtualCpu with = new KvmInterface(feature).CreateCpu(_host);
        Assert.True(with.TryWriteMsr(register, 0) && with.TryReadMsr(register, out _));
    }

    [Theory]
    [InlineData(1_000_000_000u)]
    [InlineData(3_700_000_001u)]
    [InlineData(10_000_000u)]
    public void The_clock_record_turns_time_stamps_into_machine_time(uint frequency)
    {
        _host.TimeStampFrequency = frequency;
        _host.TimeStamp = 12_345ul * frequency;
        Assert.True(_cpu.TryWriteMsr(SystemTime, Record | 1));
        byte[] record = Bytes(Record, 32);
        Assert.Equal(0u, BinaryPrimitives.ReadUInt32LittleEndian(record) & 1);
        Assert.Equal(1, record[29]);
        Assert.Equal(12_345_000_000_000ul, Time(record, _host.TimeStamp));

        // Within a millionth of a second after a thousand.
        Assert.InRange(Time(record, _host.TimeStamp + (1000ul * frequency)), 13_344_999_999_000ul, 13_345_000_001_000ul);
    }

    [Fact]
    public void The_clock_follows_a_guest_that_moves_its_time_stamp_counter()
    {
        using var machine = new TestMachine(memory => (new KvmInterface(), new FakeParavirtualHost(memory) { TimeStamp = 4_000_000 }));
        machine.TimeStamp = 4_000_000;
        Assert.True(ModelSpecificRegisters.TryWrite(machine.Cpu, SystemTime, Record | 1));
        Assert.Equal(4_000_000ul, Time(Bytes(machine.Memory, Record, 32), 4_000_000));
        Assert.True(ModelSpecificRegisters.TryWrite(machine.Cpu, 0x10, 99_000_000));
        byte[] moved = Bytes(machine.Memory, Record, 32);
        Assert.Equal(4_000_000ul, Time(moved, 99_000_000));
        Assert.Equal(4u, BinaryPrimitives.ReadUInt32LittleEndian(moved));
    }

    [Fact]
    public void The_wall_clock_is_that_of_machine_time_0_each_time_it_is_asked_for()
    {
        _host.UtcAtStart = 1_795_377_584_123_456_789;
        Assert.True(_cpu.TryWriteMsr(WallClock, Record));
        Assert.True(_cpu.TryWriteMsr(WallClock, Record));
        byte[] record = Bytes(Record, 12);
        Assert.Equal(
            (4u, 1_795_377_584u, 123_456_789u),
            (BinaryPrimitives.ReadUInt32LittleEndian(record), BinaryPrimitives.ReadUInt32LittleEndian(record.AsSpan(4)), BinaryPrimitives.ReadUInt32LittleEndian(record.AsSpan(8))));
    }

    [Fact]
    public void Steal_time_adds_up_from_when_it_is_asked_for()
    {
        _host.TimeKeptWaiting = 1_000;
        Assert.True(_cpu.TryWriteMsr(StealTime, Record | 1));
        _host.TimeKeptWaiting = 51_000;
        _cpu.InterruptTaken();
        Assert.Equal(0ul, Steal());
        _host.Now = 2_000_000;
        _cpu.InterruptTaken();
        Assert.Equal(50_000ul, Steal());
        Assert.Equal(2u, BinaryPrimitives.ReadUInt32LittleEndian(Bytes(Record + 8, 4)));
        Assert.True(_cpu.TryWriteMsr(StealTime, 0));
        _host.Now = 4_000_000;
        _host.TimeKeptWaiting = 99_000;
        _cpu.InterruptTaken();
        Assert.Equal(50_000ul, Steal());
    }

    [Fact]
    public void A_waiting_processor_is_marked_and_flushes_when_it_was_asked_to()
    {
        using var machine = new TestMachine(memory => (new KvmInterface(), new FakeParavirtualHost(memory)));
        machine.EnterLongMode();
        ParavirtualCpu cpu = machine.Paravirtual!;
        Assert.True(cpu.TryWriteMsr(StealTime, Record | 1));
        const ulong Linear = 0x3000;
        Assert.True(PagedMemory.Read(machine.Cpu, Linear, 1, false) == 0 && !PagedMemory.MissesRead(machine.Cpu, machine.Cpu->MemoryBase, Linear, 1));
        cpu.Halting();
        Assert.Equal(1ul, machine.Read(Record + PreemptedOffset, 1));
        cpu.Running();
        Assert.Equal(0ul, machine.Read(Record + PreemptedOffset, 1));
        Assert.False(PagedMemory.MissesRead(machine.Cpu, machine.Cpu->MemoryBase, Linear, 1));
        cpu.Halting();
        machine.Write(Record + PreemptedOffset, 3, 1);
        cpu.Running();
        Assert.Equal(0ul, machine.Read(Record + PreemptedOffset, 1));
        Assert.True(PagedMemory.MissesRead(machine.Cpu, machine.Cpu->MemoryBase, Linear, 1));
    }

    [Fact]
    public void An_end_of_interrupt_is_offered_and_taken_back()
    {
        ILazyEndOfInterrupt end = _cpu.LazyEndOfInterrupt!;
        Assert.False(end.TryOffer());
        Assert.True(_cpu.TryWriteMsr(EndOfInterrupt, Record | 1));
        Assert.True(end.TryOffer());
        Assert.Equal(1, Bytes(Record, 1)[0]);
        Assert.False(end.Withdraw());
        Assert.Equal(0, Bytes(Record, 1)[0]);
        Assert.True(end.TryOffer());
        Assert.True(_memory.Write(Record, [0]));
        Assert.True(end.Withdraw());
        _cpu.Reset();
        Assert.False(end.TryOffer());
        Assert.Contains("settle", _host.Asked);
    }

    [Theory]
    [InlineData(0b101ul, 0ul, 4ul, 0x4fdul, 2, new[] { "4fd to 4", "4fd to 6" })]
    [InlineData(0ul, 1ul, 0ul, 0x2ful, 1, new[] { "2f to 64" })]
    [InlineData(0b11ul, 0ul, 130ul, 0x2ful, 1, new[] { "2f to 130", "2f to 131" })]
    [InlineData(1ul, 0ul, ulong.MaxValue, 0x2ful, 0, new string[0])]
    [InlineData(3ul, 0ul, 0xfffffffful, 0x2ful, 0, new[] { "2f to 4294967295" })]
    [InlineData(1ul, 0ul, 0ul, 0x82ful, -22, new string[0])]
    [InlineData(1ul, 0ul, 0ul, 0x4002ful, -22, new string[0])]
    public void Interrupts_go_to_the_ids_of_the_bitmap(ulong low, ulong high, ulong first, ulong command, long result, string[] sent)
    {
        FakeParavirtualHost host = null!;
        using var machine = new TestMachine(memory => (new KvmInterface(), host = new FakeParavirtualHost(memory)));
        machine.EnterLongMode();
        Assert.Equal(result, (long)KvmHypercalls.SendInterrupts(machine.Cpu, low, high, first, command));
        Assert.Equal(sent, host.Asked);
    }

    [Fact]
    public void Cpuid_carries_signature_and_features()
    {
        var kvm = new KvmInterface(KvmFeatures.All & ~KvmFeatures.EndOfInterrupt);
        Assert.Equal((0x40000001u, 0x4b4d564bu, 0x564b4d56u, 0x4du), Registers(kvm, 0x40000000));
        Assert.Equal((0x01002aabu, 0u, 0u, 0u), Registers(kvm, 0x40000001));
        Assert.Equal((0u, 0u, 0u, 0u), Registers(kvm, 0x40000100));
    }

    public void Dispose() => _memory.Dispose();

    private static (uint Eax, uint Ebx, uint Ecx, uint Edx) Registers(KvmInterface kvm, uint leaf)
    {
        Jitvmm.Runtime.Cpu.CpuidLeaf found = kvm.QueryCpuid(leaf);
        return (found.Eax, found.Ebx, found.Ecx, found.Edx);
    }

    /// <summary>What a guest computes (msr.rst, MSR_KVM_SYSTEM_TIME_NEW).</summary>
    private static ulong Time(byte[] record, ulong timeStamp)
    {
        ulong delta = timeStamp - BinaryPrimitives.ReadUInt64LittleEndian(record.AsSpan(8));
        int shift = (sbyte)record[28];
        delta = shift >= 0 ? delta << shift : delta >> -shift;
        return (ulong)(((UInt128)delta * BinaryPrimitives.ReadUInt32LittleEndian(record.AsSpan(24))) >> 32) + BinaryPrimitives.ReadUInt64LittleEndian(record.AsSpan(16));
    }

    private static byte[] Bytes(PhysicalMemory memory, ulong address, int count)
    {
        byte[] bytes = new byte[count];
        Assert.True(memory.Read(address, bytes));
        return bytes;
    }

    private ulong Steal() => BinaryPrimitives.ReadUInt64LittleEndian(Bytes(Record, 8));

    private byte[] Bytes(ulong address, int count) => Bytes(_memory, address, count);
}
