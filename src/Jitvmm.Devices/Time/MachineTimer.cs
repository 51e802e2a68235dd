using Jitvmm.Runtime.Paravirt;

namespace Jitvmm.Devices.Time;

/// <summary>
/// One alarm of a device. The callback runs on the timer thread with no lock held; the device decides under its own lock whether
/// the alarm still means something, because it may have been re-armed meanwhile.
/// </summary>
public sealed class MachineTimer : IParavirtualAlarm
{
    public const long Never = long.MaxValue;

    private readonly TimerQueue _queue;

    internal MachineTimer(TimerQueue queue, Action callback)
    {
        _queue = queue;
        Callback = callback;
    }

    internal Action Callback { get; }

    internal long Deadline { get; set; } = Never;

    /// <summary>Rings once when machine time reaches the deadline, instead of what was armed before.</summary>
    public void Arm(long deadline) => _queue.Arm(this, deadline);

    public void Cancel() => _queue.Arm(this, Never);
}
