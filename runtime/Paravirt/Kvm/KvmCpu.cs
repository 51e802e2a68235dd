using System.Numerics;
using Jitvmm.Runtime.Cpu;
using Jitvmm.Runtime.Execution;
using Jitvmm.Runtime.Memory;

namespace Jitvmm.Runtime.Paravirt.Kvm;

/// <summary>KVM's registers of one processor (msr.rst), each with the record in guest memory that it places.</summary>
internal sealed unsafe class KvmCpu : ParavirtualCpu
{
    private const uint OldWallClock = 0x11;
    private const uint OldSystemTime = 0x12;
    private const uint WallClock = 0x4b564d00;
    private const uint SystemTime = 0x4b564d01;
    private const uint StealTime = 0x4b564d03;
    private const uint EndOfInterrupt = 0x4b564d04;

    private readonly KvmClock _clock;
    private readonly KvmStealTime _steal;
    private readonly KvmEndOfInterrupt _end;

    public KvmCpu(KvmInterface offered, IParavirtualHost host)
        : base(offered, host)
    {
        Features = offered.Features;
        _clock = new KvmClock(host, (Features & KvmFeatures.StableClock) != 0);
        _steal = new KvmStealTime(host);
        _end = new KvmEndOfInterrupt(host.Memory);
    }

    public KvmFeatures Features { get; }

    public IParavirtualHost Machine => Host;

    public override ILazyEndOfInterrupt LazyEndOfInterrupt => _end.Word;

    /// <summary>The part of a processor of a machine that offers KVM's interface.</summary>
    public static KvmCpu Of(CpuState* cpu) => (KvmCpu)MachineCpu.Of(cpu).Platform.Paravirtual!;

    public override bool Hypercall()
    {
        KvmHypercalls.Execute(State);
        return true;
    }

    public override bool TryReadMsr(uint index, out ulong value)
    {
        value = index switch
        {
            WallClock or OldWallClock => _clock.WallClock,
            SystemTime or OldSystemTime => _clock.SystemTime,
            StealTime => _steal.Register,
            EndOfInterrupt => _end.Register,
            _ => 0,
        };
        return (FeatureOf(index) & Features) != 0;
    }

    public override bool TryWriteMsr(uint index, ulong value)
    {
        if ((FeatureOf(index) & Features) == 0)
        {
            return false;
        }

        switch (index)
        {
            case WallClock or OldWallClock:
                _clock.WriteWallClock(value);
                return true;
            case SystemTime or OldSystemTime:
                _clock.WriteSystemTime(value, TscOffset);
                return true;
            case StealTime:
                return _steal.TryWrite(value);
            default:
                Host.SettleEndOfInterrupt();
                return _end.TryWrite(value);
        }
    }

    public override ulong[] SaveState() => SaveRegisters(SystemTime, StealTime, EndOfInterrupt);

    public override bool TryRestoreState(ReadOnlySpan<ulong> words) => TryRestoreRegisters(words, SystemTime, StealTime, EndOfInterrupt);

    public override void Reset()
    {
        Host.SettleEndOfInterrupt();
        _clock.Reset();
        _steal.Reset();
        _end.Reset();
    }

    public override void TimeStampMoved() => _clock.Update(TscOffset);

    public override void InterruptTaken() => _steal.Update();

    public override void Halting() => _steal.Leave();

    public override void Running()
    {
        if (_steal.Enter() && State != null)
        {
            SoftTlb.FlushAll(State);
        }
    }

    /// <summary>Sends to the ids of a bitmap; how many took it.</summary>
    public ulong SendInterrupts(ulong ids, ulong firstId, uint command)
    {
        ulong taken = 0;
        for (; ids != 0; ids &= ids - 1)
        {
            ulong id = firstId + (uint)BitOperations.TrailingZeroCount(ids);
            taken += id <= uint.MaxValue && Host.SendInterrupt((uint)id, command) ? 1u : 0;
        }

        return taken;
    }

    private ulong TscOffset => State == null ? 0 : State->System.TscOffset;

    private static KvmFeatures FeatureOf(uint register) => register switch
    {
        OldWallClock or OldSystemTime => KvmFeatures.OldClock,
        WallClock or SystemTime => KvmFeatures.Clock,
        StealTime => KvmFeatures.StealTime,
        EndOfInterrupt => KvmFeatures.EndOfInterrupt,
        _ => KvmFeatures.None,
    };
}
