namespace Jitvmm.Devices.State;

/// <summary>A device whose state can be written and put back while its machine is paused.</summary>
public interface IStateful
{
    void Save(StateWriter writer);

    /// <exception cref="InvalidDataException">The state was not written by this kind of device, or by another version of it.</exception>
    void Restore(StateReader reader);
}
