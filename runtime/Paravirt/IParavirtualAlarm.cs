namespace Jitvmm.Runtime.Paravirt;

/// <summary>An alarm of the machine's. Its callback comes on a thread of its own with no lock held, and may come once more after the alarm was armed anew or cancelled.</summary>
public interface IParavirtualAlarm
{
    /// <summary>Rings once when machine time reaches the deadline, instead of what was armed before.</summary>
    void Arm(long deadline);

    void Cancel();
}
