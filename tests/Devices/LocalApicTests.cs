using Jitvmm.Devices.Interrupts;
using Jitvmm.Runtime.Memory;
using Jitvmm.Runtime.Paravirt;

namespace Jitvmm.Tests.Devices;

public sealed class LocalApicTests
{
    private readonly TestMachine _machine = new();
    private readonly TestMachine _other = new();
    private readonly LocalApic _apic;
    private readonly LocalApic _second;

    public LocalApicTests()
    {
        _apic = new LocalApic(_machine.Bus, 0, _machine, _machine.Timers);
        _second = new LocalApic(_machine.Bus, 1, _other, _machine.Timers);
        Enable(_apic);
        Enable(_second);
    }

    [Fact]
    public void Interrupts_come_by_priority_and_nest()
    {
        Send(0x41);
        Assert.Equal(0x41, _apic.Acknowledge());
        Send(0x45);
        Assert.Equal(-1, _apic.Acknowledge());
        Send(0x51);
        Assert.Equal(0x51, _apic.Acknowledge());
        _apic.WritePage(0xb0, 0);
        Assert.Equal(-1, _apic.Acknowledge());
        _apic.WritePage(0xb0, 0);
        Assert.Equal(0x45, _apic.Acknowledge());
    }

    [Fact]
    public void Task_priority_holds_lower_classes_back()
    {
        _apic.TaskPriorityClass = 5;
        Assert.Equal(0x50u, _apic.ReadPage(0x80));
        Send(0x5f);
        Assert.False(_apic.HasDeliverable);
        Send(0x60);
        Assert.Equal(0x60, _apic.Acknowledge());
        _apic.WritePage(0xb0, 0);
        _apic.WritePage(0x80, 0);
        Assert.Equal(0x5f, _apic.Acknowledge());
    }

    [Fact]
    public void A_disabled_apic_takes_nothing_and_masks_its_table()
    {
        _apic.WritePage(0x320, 0x30);
        _apic.WritePage(0xf0, 0xff);
        Send(0x50);
        Assert.Equal(-1, _apic.Acknowledge());
        Assert.Equal(0x10030u, _apic.ReadPage(0x320));
    }

    [Fact]
    public void The_count_goes_on_when_the_timer_changes_between_one_shot_and_periodic()
    {
        const uint OneShot = 0x30;
        const uint Periodic = 0x20030;
        _apic.WritePage(0x3e0, 0xb);
        _apic.WritePage(0x320, OneShot);
        _apic.WritePage(0x380, 1000);
        _machine.Pass(600);
        _apic.WritePage(0x320, Periodic);
        Assert.Equal(400u, _apic.ReadPage(0x390));
        _machine.Pass(1500);
        Assert.Equal(900u, _apic.ReadPage(0x390));
        _apic.WritePage(0x320, OneShot);
        Assert.Equal(900u, _apic.ReadPage(0x390));
        _machine.Pass(950);
        Assert.Equal(0u, _apic.ReadPage(0x390));

        // A count that reached 0 is not set going by the mode alone.
        _apic.WritePage(0x320, Periodic);
        _machine.Pass(10);
        Assert.Equal(0u, _apic.ReadPage(0x390));
    }

    [Fact]
    public void A_count_that_ran_out_before_the_alarm_rang_has_run_out()
    {
        _apic.WritePage(0x3e0, 0xb);
        _apic.WritePage(0x320, 0x30);
        _apic.WritePage(0x380, 1000);
        _machine.Clock.Advance(1500);
        _apic.WritePage(0x320, 0x20031);
        Assert.Equal(0x30, _apic.Acknowledge());
        Assert.Equal(0u, _apic.ReadPage(0x390));
    }

    [Fact]
    public void An_id_the_guest_wrote_lasts_until_the_apic_is_switched_off()
    {
        _second.WritePage(0x20, 7u << 24);
        _second.Reset();
        Assert.Equal(7u << 24, _second.ReadPage(0x20));
        Assert.True(_second.TryWriteMsr(LocalApic.BaseMsr, LocalApic.DefaultAddress));
        Assert.True(_second.TryWriteMsr(LocalApic.BaseMsr, LocalApic.DefaultAddress | LocalApic.BaseEnabled));
        Assert.Equal(1u << 24, _second.ReadPage(0x20));
    }

    [Fact]
    public void Registers_that_are_none_are_errors_in_the_page_and_faults_in_msrs()
    {
        _ = _apic.ReadPage(0x40);
        _apic.WritePage(0x280, 0);
        Assert.Equal(0x80u, _apic.ReadPage(0x280));
        Assert.True(_apic.TryWriteMsr(LocalApic.BaseMsr, LocalApic.DefaultAddress | LocalApic.BaseEnabled | LocalApic.BaseX2));
        Assert.False(_apic.TryWriteMsr(LocalApic.FirstMsr + 4, 0));
        Assert.True(_apic.TryWriteMsr(LocalApic.FirstMsr + 0x28, 0));
        Assert.True(_apic.TryReadMsr(LocalApic.FirstMsr + 0x28, out ulong errors));
        Assert.Equal(0ul, errors);
    }

    [Fact]
    public void An_error_that_rings_with_an_illegal_vector_is_a_second_error()
    {
        _apic.WritePage(0x370, 0xf);
        _apic.WritePage(0x310, 0);
        _apic.WritePage(0x300, 0xf);
        _apic.WritePage(0x280, 0);
        Assert.Equal(0x60u, _apic.ReadPage(0x280));
    }

    [Fact]
    public void Its_page_is_where_the_guest_puts_it()
    {
        const ulong Elsewhere = 0xfed40000;
        using var memory = new PhysicalMemory();
        var windows = new LocalApicWindows(memory);
        foreach (LocalApic apic in (LocalApic[])[_apic, _second])
        {
            windows.Add(apic.Address);
            apic.Moved = windows.Move;
        }

        LocalApicWindow.Enter(_apic);
        uint version = _apic.ReadPage(0x30);
        Assert.True(_apic.TryWriteMsr(LocalApic.BaseMsr, Elsewhere | LocalApic.BaseEnabled));
        Assert.Equal(version, memory.ReadBus(Elsewhere + 0x30, 4));
        Assert.Equal(ulong.MaxValue, memory.ReadBus(LocalApic.DefaultAddress + 0x30, 4));

        // The other processor's did not move.
        LocalApicWindow.Enter(_second);
        Assert.Equal(version, memory.ReadBus(LocalApic.DefaultAddress + 0x30, 4));
        Assert.Equal(ulong.MaxValue, memory.ReadBus(Elsewhere + 0x30, 4));
        LocalApicWindow.Enter(_apic);
        _apic.PowerOn();
        Assert.Equal(version, memory.ReadBus(LocalApic.DefaultAddress + 0x30, 4));
        LocalApicWindow.Enter(null);
    }

    [Fact]
    public void Only_level_interrupts_are_ended_on_the_bus()
    {
        var ended = new List<byte>();
        _machine.Bus.EndOfInterrupt = ended.Add;
        Send(0x41);
        _ = _machine.Bus.Deliver(new InterruptMessage(0, false, DeliveryMode.Fixed, 0x62, true));
        Assert.Equal(0x62, _apic.Acknowledge());
        _apic.WritePage(0xb0, 0);
        Assert.Equal(0x41, _apic.Acknowledge());
        _apic.WritePage(0xb0, 0);
        Assert.Equal([0x62], ended);
    }

    [Fact]
    public void An_interrupt_ended_in_memory_is_out_of_service_when_that_matters()
    {
        var memory = new EndInMemory();
        _apic.LazyEnd = memory;
        Send(0x51);
        Assert.Equal(0x51, _apic.Acknowledge());
        Assert.True(memory.IsOffered);
        int raised = _machine.InterruptsRaised;
        memory.IsOffered = false;

        // It looks as if 41h had to wait: the processor is told to look.
        Send(0x41);
        Assert.Equal(raised + 1, _machine.InterruptsRaised);
        Assert.Equal(0x41, _apic.Acknowledge());
        Assert.Equal((1, 0), (_apic.EndsElided, _apic.EndsWritten));
        memory.IsOffered = false;
        Assert.Equal(0u, _apic.ReadPage(0x100 + (0x10 * (0x41 / 32))));
        Assert.Equal(0u, _apic.ReadPage(0xa0));
        Assert.Equal((2, 0), (_apic.EndsElided, _apic.EndsWritten));
    }

    [Fact]
    public void What_was_not_ended_in_memory_is_ended_by_a_write()
    {
        var memory = new EndInMemory();
        _apic.LazyEnd = memory;
        Send(0x41);
        Assert.Equal(0x41, _apic.Acknowledge());
        Send(0x51);
        Assert.Equal(0x51, _apic.Acknowledge());
        Assert.True(memory.IsOffered);
        memory.IsOffered = false;

        // The end of 51h was in memory, so this is that of 41h.
        _apic.WritePage(0xb0, 0);
        Assert.Equal(0u, _apic.ReadPage(0xa0));
        Assert.Equal((1, 1), (_apic.EndsElided, _apic.EndsWritten));

        // A guest may always write instead.
        Send(0x61);
        Assert.Equal(0x61, _apic.Acknowledge());
        _apic.WritePage(0xb0, 0);
        Assert.False(memory.IsOffered);
        Assert.Equal(0u, _apic.ReadPage(0xa0));
        Assert.Equal((1, 2), (_apic.EndsElided, _apic.EndsWritten));
    }

    [Fact]
    public void No_end_in_memory_is_offered_that_something_waits_for()
    {
        var memory = new EndInMemory();
        _apic.LazyEnd = memory;
        Send(0x41);
        Send(0x51);
        Assert.Equal(0x51, _apic.Acknowledge());
        Assert.False(memory.IsOffered);
        _apic.WritePage(0xb0, 0);
        Assert.Equal(0x41, _apic.Acknowledge());
        Assert.True(memory.IsOffered);
        _apic.WritePage(0xb0, 0);
        _ = _machine.Bus.Deliver(new InterruptMessage(0, false, DeliveryMode.Fixed, 0x62, true));
        Assert.Equal(0x62, _apic.Acknowledge());
        Assert.False(memory.IsOffered);
    }

    [Fact]
    public void The_timer_counts_once_or_again_and_again()
    {
        _apic.WritePage(0x3e0, 3);
        _apic.WritePage(0x320, 0x40);
        _apic.WritePage(0x380, 1000);
        _machine.Pass(8000);
        Assert.Equal(500u, _apic.ReadPage(0x390));
        _machine.Pass(8000);
        Assert.Equal(0u, _apic.ReadPage(0x390));
        Assert.Equal(0x40, _apic.Acknowledge());
        _apic.WritePage(0xb0, 0);
        _machine.Pass(100_000);
        Assert.Equal(-1, _apic.Acknowledge());
        _apic.WritePage(0x320, 0x20040);
        _apic.WritePage(0x380, 1000);
        for (int i = 0; i < 5; i++)
        {
            _machine.Pass(16_000);
            Assert.Equal(0x40, _apic.Acknowledge());
            _apic.WritePage(0xb0, 0);
        }
    }

    [Fact]
    public void The_deadline_timer_fires_at_its_time_and_disarms()
    {
        _apic.WritePage(0x320, 0x40040);
        Assert.True(_apic.TryWriteMsr(LocalApic.TscDeadlineMsr, 5000));
        _machine.Pass(4999);
        Assert.Equal(-1, _apic.Acknowledge());
        _machine.Pass(1);
        Assert.Equal(0x40, _apic.Acknowledge());
        Assert.True(_apic.TryReadMsr(LocalApic.TscDeadlineMsr, out ulong left));
        Assert.Equal(0ul, left);
        _apic.WritePage(0xb0, 0);
        Assert.True(_apic.TryWriteMsr(LocalApic.TscDeadlineMsr, 1));
        Assert.Equal(0x40, _apic.Acknowledge());
    }

    [Fact]
    public void Leaving_deadline_mode_disarms()
    {
        _apic.WritePage(0x320, 0x40040);
        _ = _apic.TryWriteMsr(LocalApic.TscDeadlineMsr, 5000);
        _apic.WritePage(0x320, 0x40);
        _machine.Pass(10_000);
        Assert.Equal(-1, _apic.Acknowledge());
    }

    [Fact]
    public void Interprocessor_interrupts_reach_who_they_name()
    {
        _apic.WritePage(0x310, 1u << 24);
        _apic.WritePage(0x300, 0x55);
        Assert.Equal(0x55, _second.Acknowledge());
        _apic.WritePage(0x300, 0x40056);
        Assert.Equal(0x56, _apic.Acknowledge());
        _apic.WritePage(0x300, 0xc0067);
        Assert.Equal(0x67, _second.Acknowledge());
        Assert.Equal(-1, _apic.Acknowledge());
        Assert.Equal(0u, _apic.ReadPage(0x300) & 0x1000);
    }

    [Fact]
    public void Start_up_messages_reach_the_processor()
    {
        _apic.WritePage(0x310, 1u << 24);
        _apic.WritePage(0x300, 0xc500);
        _apic.WritePage(0x300, 0x8500);
        _apic.WritePage(0x300, 0x69a);
        Assert.Equal(["init", "startup 9a"], _other.Events);
        _apic.WritePage(0x300, 0x400);
        Assert.Equal("nmi", _other.Events[^1]);
        Assert.Empty(_machine.Events);
    }

    [Theory]
    [InlineData(0xffffffff, 0x01, 0x02)]
    [InlineData(0x0fffffff, 0x11, 0x12)]
    public void Logical_destinations_match_flat_and_cluster(uint format, uint first, uint second)
    {
        _apic.WritePage(0xe0, format);
        _second.WritePage(0xe0, format);
        _apic.WritePage(0xd0, first << 24);
        _second.WritePage(0xd0, second << 24);
        _ = _machine.Bus.Deliver(new InterruptMessage(second, true, DeliveryMode.Fixed, 0x71, false));
        Assert.Equal(-1, _apic.Acknowledge());
        Assert.Equal(0x71, _second.Acknowledge());
        _ = _machine.Bus.Deliver(new InterruptMessage(first | second, true, DeliveryMode.LowestPriority, 0x83, false));
        Assert.Equal(1, (_apic.HasDeliverable ? 1 : 0) + (_second.HasDeliverable ? 1 : 0));
    }

    [Fact]
    public void X2apic_is_reached_by_registers_and_not_by_the_page()
    {
        Assert.False(_second.TryReadMsr(0x802, out _));
        Assert.True(_second.TryWriteMsr(LocalApic.BaseMsr, LocalApic.DefaultAddress | LocalApic.BaseEnabled | LocalApic.BaseX2));
        Assert.Equal(uint.MaxValue, _second.ReadPage(0x20));
        Assert.True(_second.TryReadMsr(0x802, out ulong id));
        Assert.Equal(1ul, id);
        Assert.True(_second.TryReadMsr(0x80d, out ulong logical));
        Assert.Equal(2ul, logical);
        Assert.True(_second.TryWriteMsr(0x83f, 0x91));
        Assert.Equal(0x91, _second.Acknowledge());
        Assert.False(_second.TryWriteMsr(0x80b, 1));
        Assert.True(_second.TryWriteMsr(0x80b, 0));
        Assert.False(_second.TryWriteMsr(0x80d, 1));
        Assert.False(_second.TryReadMsr(0x80e, out _));
        Assert.False(_second.TryReadMsr(0x831, out _));
        Assert.True(_second.TryWriteMsr(0x830, 0x0000_0000_0000_0044));
        Assert.Equal(0x44, _apic.Acknowledge());

        // Back to the page only through off.
        Assert.False(_second.TryWriteMsr(LocalApic.BaseMsr, LocalApic.DefaultAddress | LocalApic.BaseEnabled));
        Assert.True(_second.TryWriteMsr(LocalApic.BaseMsr, LocalApic.DefaultAddress));
        Assert.True(_second.TryWriteMsr(LocalApic.BaseMsr, LocalApic.DefaultAddress | LocalApic.BaseEnabled));
        Assert.Equal(1u << 24, _second.ReadPage(0x20));
    }

    [Fact]
    public void Illegal_vectors_are_reported_as_errors()
    {
        _apic.WritePage(0x370, 0xfe);
        _apic.WritePage(0x300, 0x40005);
        Assert.Equal(0xfe, _apic.Acknowledge());
        _apic.WritePage(0x280, 0);
        Assert.Equal(0x20u, _apic.ReadPage(0x280));
    }

    [Fact]
    public void State_survives_saving()
    {
        Send(0x41);
        _apic.WritePage(0x320, 0x20040);
        _apic.WritePage(0x380, 1000);
        var writer = new Jitvmm.Devices.State.StateWriter();
        _apic.Save(writer);
        var machine = new TestMachine();
        var copy = new LocalApic(machine.Bus, 0, machine, machine.Timers);
        copy.Restore(new Jitvmm.Devices.State.StateReader(writer.Written));
        Assert.Equal(0x41, copy.Acknowledge());
        copy.WritePage(0xb0, 0);
        machine.Pass(2000);
        Assert.Equal(0x40, copy.Acknowledge());
    }

    private sealed class EndInMemory : ILazyEndOfInterrupt
    {
        public bool IsOffered { get; set; }

        public bool TryOffer() => IsOffered = true;

        public bool Withdraw()
        {
            bool isEnded = !IsOffered;
            IsOffered = false;
            return isEnded;
        }
    }

    private static void Enable(LocalApic apic) => apic.WritePage(0xf0, 0x1ff);

    private void Send(byte vector) => _ = _machine.Bus.Deliver(new InterruptMessage(0, false, DeliveryMode.Fixed, vector, false));
}
